/** The page: a report goes in, the service reads it, and what it found is shown. */

import { byId, el } from "./dom.js";
import { map } from "./map.js";
import { LANGUAGES, speaker } from "./strings.js";
import { highlighted, link } from "./text.js";
import { cards, incidentTable, legend, mentionTable, oddness, shown, timeline } from "./views.js";

const MOST = 100_000; // characters that the page takes; the service may take fewer
const LONGEST = 1_000; // letters without a space: browsers need minutes to break long joined ones
const UNBROKEN = new RegExp(`\\S{${LONGEST + 1}}`);
const EXAMPLE = {
  // Invented for this page.
  text: `قالت قيادة شرطة محافظة نينوى، اليوم الثلاثاء، إن مسلحين مجهولين هاجموا فجرا نقطة تفتيش شمال الموصل، ما أسفر عن مقتل شرطيين وإصابة ثلاثة آخرين بجروح. وأضافت أن قوات الأمن أحبطت مساء الاثنين محاولة تفجير سيارة مفخخة في كركوك.

ونفى متحدث باسم الجيش العراقي وقوع أي قصف على سنجار، وحذر من شن هجمات جديدة قرب الحدود السورية. وفي لبنان، أصيب مدني في انفجار عبوة ناسفة في طرابلس يوم الأحد.`,
  date: "2024-05-14",
};
const EXPORTS = {
  // what is offered: the file's ending and how to get its text
  JSON: ["json", async () => `${JSON.stringify(state.report, null, 2)}\n`],
  CSV: ["csv", () => exported("csv")],
  GeoJSON: ["geojson", () => exported("geojson")],
  ACLED: ["acled.csv", () => exported("acled")],
};

const state = {
  language: "ar",
  report: null,
  hidden: new Set(),
  chosen: null,
  marks: new Map(),
  said: null,
  problem: null,
};
const text = byId("text");
let t = speaker(state.language);
let reading = null; // the AbortController of the request under way

// --- what the page says

function speak(language) {
  state.language = language;
  remember("language", language);
  t = speaker(language);
  const { direction, otherName, other } = LANGUAGES[language];
  Object.assign(document.documentElement, { lang: language, dir: direction });
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll("[data-t-label]"))
    node.setAttribute("aria-label", t(node.dataset.tLabel));
  byId("language").replaceChildren(el("span", { lang: other }, otherName));
  byId("exports").replaceChildren(...exportButtons());
  if (state.report) show();
  if (state.said) say(...state.said);
  if (!state.problem) return;
  complain(...state.problem);
  byId("language").focus(); // and not the field that is wrong
}

/** Tell a screen reader, too, how things stand. */
function say(key, values) {
  state.said = key && [key, values];
  byId("status").textContent = key ? t(key, values) : "";
}

/** Say what is wrong, with which field, and the service's own words about it; null: nothing is. */
function complain(key, values, field, own = "") {
  state.problem = key && [key, values, field, own];
  const said = key ? [t(key, values), el("bdi", { lang: "en" }, own && ` ${own}`)] : [];
  byId("problem").replaceChildren(...said);
  for (const input of [text, byId("date"), byId("key")]) input.removeAttribute("aria-invalid");
  if (!key) return;
  say(null);
  field?.setAttribute("aria-invalid", "true");
  field?.focus();
}

function remember(name, value) {
  try {
    localStorage.setItem(`marsad ${name}`, value);
  } catch {
    /* a browser that keeps nothing still works */
  }
}

function remembered(name) {
  try {
    return localStorage.getItem(`marsad ${name}`);
  } catch {
    return null;
  }
}

// --- the report that goes in

/** A sentence's key, values and field where the form cannot be sent; null where it can. */
function slip() {
  if (!text.value.trim()) return ["empty", {}, text];
  const much = tooMuch(text.value);
  if (much) return much;
  if (byId("date").validity.badInput || !byId("date").checkValidity())
    return ["badDate", {}, byId("date")];
  return null;
}

/** The same where a text is more than the page can show. */
function tooMuch(value) {
  const most = MOST.toLocaleString("en");
  if (value.length > MOST)
    return ["tooLong", { count: value.length.toLocaleString("en"), most }, text];
  return UNBROKEN.test(value) ? ["unbroken", { most: LONGEST.toLocaleString("en") }, text] : null;
}

/** Put a text in, unless it is longer than the page can handle. */
function take(value, date = "") {
  const much = tooMuch(value);
  if (much) return complain(...much);
  complain(null);
  text.value = value;
  byId("date").value = date;
  text.focus();
  text.setSelectionRange(0, 0);
  text.scrollTop = 0;
}

async function takeFile(file) {
  const { name } = file;
  if (file.size > 4 * MOST)
    return complain("fileTooLong", { name, most: MOST.toLocaleString("en") }, text);
  try {
    take(
      new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer()),
      byId("date").value,
    );
  } catch {
    complain("notText", { name }, text);
  }
}

// --- the service

class Refused extends Error {}

const refusal = (status, sentence) => Object.assign(new Refused(sentence), { status });

/** The service's answer; throws Refused, with status and its own sentence, where it gives none. */
async function ask(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  if (byId("key").value) headers["X-API-Key"] = byId("key").value;
  const answer = await fetch(path, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
    signal,
  }).catch((error) => {
    throw signal?.aborted ? error : refusal(0, "");
  });
  if (answer.ok) return answer;
  const { error } = await answer.json().catch(() => ({}));
  throw refusal(answer.status, error);
}

function complainOf(error) {
  if (!(error instanceof Refused)) return complain("strange");
  const key = `refused ${error.status}`;
  if (error.status === 401) byId("key-field").hidden = false;
  complain(
    key in LANGUAGES[state.language] ? key : "refused",
    {},
    error.status === 401 ? byId("key") : null,
    error.message,
  );
}

async function read() {
  const wrong = slip();
  if (wrong) return complain(...wrong);
  reading?.abort();
  const { signal } = (reading = new AbortController());
  complain(null);
  say("reading");
  try {
    const body = { text: text.value, date: byId("date").value || null };
    present(await (await ask("v1/predict", body, signal)).json());
  } catch (error) {
    if (!signal.aborted) complainOf(error);
  }
}

async function exported(format) {
  const { id, text, date } = state.report;
  return (await ask(`v1/export/${format}`, { id, text, date })).text();
}

function exportButtons() {
  return Object.entries(EXPORTS).map(([format, [ending, content]]) =>
    el(
      "div",
      { class: "pair" },
      el("span", { "aria-hidden": "true" }, format),
      el(
        "button",
        {
          type: "button",
          "aria-label": t("copyOf", { format }),
          onclick: () => deliver(format, content, copy),
        },
        t("copy"),
      ),
      el(
        "button",
        {
          type: "button",
          "aria-label": t("downloadOf", { format }),
          onclick: () => deliver(format, content, download(ending)),
        },
        t("download"),
      ),
    ),
  );
}

async function deliver(format, content, give) {
  complain(null);
  try {
    await give(await content(), format);
  } catch (error) {
    complainOf(error);
  }
}

async function copy(content, format) {
  try {
    await navigator.clipboard.writeText(content);
    say("copied", { format });
  } catch {
    complain("noCopy");
  }
}

const download = (ending) => (content, format) => {
  const url = URL.createObjectURL(new Blob([content]));
  const name = ["marsad", state.report.date].filter(Boolean).join("-");
  el("a", { href: url, download: `${name}.${ending}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  say("downloaded", { format });
};

// --- what comes out

function present(report) {
  const before = { ...state };
  try {
    Object.assign(state, { report, hidden: new Set(), chosen: report.events[0] ?? null });
    show();
  } catch (error) {
    Object.assign(state, before); // an answer that is no report
    if (state.report) show();
    byId("results").hidden = byId("skip-results").hidden = !state.report;
    throw error;
  }
  const { entities, events, incidents = [] } = report;
  say("summary", { mentions: entities.length, events: events.length, incidents: incidents.length });
}

function show() {
  const { report, hidden } = state;
  const toggle = (key, isHidden) => {
    hidden[isHidden ? "add" : "delete"](key);
    showFound();
  };
  byId("legend").replaceChildren(...legend(report, hidden, toggle, t).flat());
  byId("results").hidden = byId("skip-results").hidden = false;
  showFound();
}

/** All but the legend, whose pressed button would lose the focus. */
function showFound() {
  const { report, hidden, language } = state;
  const { mentions, events, incidents } = shown(report, hidden);
  const odd = oddness(report);
  const { nodes, marks } = highlighted(report.text, mentions, events, odd);
  state.marks = marks;
  byId("report").replaceChildren(...nodes);
  for (const event of events)
    for (const node of marks.get(event.id)) node.addEventListener("click", () => choose(event));
  byId("events").replaceChildren(
    ...(events.length
      ? cards(events, report, odd, state.chosen, choose, t)
      : [el("li", {}, t("noEvents"))]),
  );
  byId("incidents").replaceChildren(incidentTable(incidents, report, odd, language, t));
  byId("mentions").replaceChildren(mentionTable(mentions, t));
  byId("timeline").replaceChildren(timeline(incidents, odd, language, t));
  map(byId("map"), incidents, language, t);
  relink();
}

function choose(event) {
  state.chosen = state.chosen === event ? null : event;
  for (const button of byId("events").querySelectorAll("[data-event]")) {
    const isChosen = button.dataset.event === state.chosen?.id;
    button.setAttribute("aria-pressed", String(isChosen));
    if (isChosen) button.closest("li").scrollIntoView({ block: "nearest" });
  }
  relink();
  state.marks.get(state.chosen?.id)?.[0].scrollIntoView({ block: "nearest" });
}

const relink = () => link(byId("report").parentElement, state.chosen, state.marks);

// --- begin

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  read();
});
byId("example").addEventListener("click", () => {
  take(EXAMPLE.text, EXAMPLE.date);
  read();
});
byId("open").addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", ({ target }) => {
  if (target.files.length) takeFile(target.files[0]);
  target.value = ""; // so that the same file can be opened again
});
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("form").requestSubmit();
});
text.addEventListener("beforeinput", (event) => {
  // before a long paste can halt the browser
  if (!event.data) return;
  const { value, selectionStart, selectionEnd } = text;
  const much = tooMuch(value.slice(0, selectionStart) + event.data + value.slice(selectionEnd));
  if (!much) return;
  event.preventDefault();
  complain(...much);
});
document.addEventListener("dragover", (event) => event.preventDefault()); // or a file replaces the page
document.addEventListener("drop", (event) => {
  const { files } = event.dataTransfer;
  if (!files.length && event.target === text) return; // dropped words go where they fall
  event.preventDefault();
  if (files.length > 1) complain("oneFile", {}, text);
  else if (files.length) takeFile(files[0]);
});
byId("language").addEventListener("click", () => speak(LANGUAGES[state.language].other));
byId("theme").addEventListener("click", () => {
  const now =
    document.documentElement.dataset.theme ??
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  setTheme(now === "dark" ? "light" : "dark");
});

function setTheme(theme) {
  if (!theme) return;
  document.documentElement.dataset.theme = theme;
  remember("theme", theme);
}

new ResizeObserver(relink).observe(byId("report"));
document.fonts.addEventListener("loadingdone", relink);
setTheme(remembered("theme"));
speak(Object.hasOwn(LANGUAGES, remembered("language")) ? remembered("language") : "ar");
