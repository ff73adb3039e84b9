/** What is shown of a report besides its text: legend, events, incidents, mentions, timeline. */

import { order, said } from "./dates.js";
import { code, el, hue, words } from "./dom.js";

/** The three kinds of labels that the legend filters by. */
export const KINDS = { mention: "legendMentions", event: "legendEvents", status: "legendStatuses" };

/** A label's key in the set of those hidden. */
export const hiddenKey = (kind, name) => `${kind} ${name}`;

/** The report without what is hidden: its mentions, events and incidents. */
export function shown(report, hidden) {
  const isShown = (item) =>
    !hidden.has(hiddenKey("event", item.type)) && !hidden.has(hiddenKey("status", item.status));
  return {
    mentions: report.entities.filter((m) => !hidden.has(hiddenKey("mention", m.type))),
    events: report.events.filter(isShown),
    incidents: (report.incidents ?? []).filter(isShown),
  };
}

/** How to tell the statuses that stand out: all but the commonest. */
export function oddness(report) {
  const counts = counted(report.events.map((event) => event.status));
  const usual = [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
  return (item) => item.status !== usual;
}

function counted(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Buttons that hide and show what has a label; `toggle(key, isHidden)` is told of each press. */
export function legend(report, hidden, toggle, t) {
  const names = {
    mention: report.entities.map((mention) => mention.type),
    event: report.events.map((event) => event.type),
    status: report.events.map((event) => event.status),
  };
  const groups = Object.entries(KINDS).filter(([kind]) => names[kind].length);
  if (!groups.length) return [];
  return [
    el("p", { class: "help" }, t("legendHelp")),
    groups.map(([kind, title]) =>
      el(
        "div",
        { class: "key", role: "group", "aria-label": t(title) },
        el("span", { class: "key-title", "aria-hidden": "true" }, t(title)),
        [...counted(names[kind])].sort().map(([name, count]) => {
          const key = hiddenKey(kind, name);
          const press = ({ currentTarget: button }) => {
            const isHidden = button.getAttribute("aria-pressed") === "true";
            button.setAttribute("aria-pressed", String(!isHidden));
            toggle(key, isHidden);
          };
          return el(
            "button",
            {
              type: "button",
              class: `label ${kind}`,
              "--hue": hue(name),
              "aria-pressed": String(!hidden.has(key)),
              onclick: press,
            },
            code(name),
            ` ${count}`,
          );
        }),
      ),
    ),
  ];
}

/** A card for each event; `choose(event)` is called with the one whose button was pressed. */
export function cards(events, report, odd, chosen, choose, t) {
  const mentions = indexed(report.entities);
  return events.map((event) =>
    el(
      "li",
      { class: odd(event) ? "card odd" : "card", "--hue": hue(event.type) },
      el(
        "h4",
        {},
        el(
          "button",
          {
            type: "button",
            "data-event": event.id,
            "aria-pressed": String(event === chosen),
            title: t("link"),
            onclick: () => choose(event),
          },
          words(event.text),
        ),
      ),
      el(
        "p",
        { class: "labels" },
        label("event", event.type),
        badge(event, odd),
        event.score !== undefined &&
          el("span", { class: "score" }, t("score", { score: Math.round(100 * event.score) })),
      ),
      event.arguments.length > 0 &&
        el(
          "dl",
          {},
          event.arguments.map(({ role, id }) => [
            el("dt", { "--hue": hue(role) }, code(role)),
            el("dd", {}, words(mentions.get(id).text), valueOf(mentions.get(id), t)),
          ]),
        ),
    ),
  );
}

const indexed = (items) => new Map(items.map((item) => [item.id, item]));

const label = (kind, name) =>
  el("span", { class: `label ${kind}`, "--hue": hue(name) }, code(name));

/** A status; one that stands out is drawn so. */
export const badge = (item, odd) =>
  el(
    "span",
    { class: odd(item) ? "badge odd" : "badge", "--hue": hue(item.status) },
    code(item.status),
  );

function valueOf({ value, reason }, t) {
  if (value === undefined) return null;
  const meaning = reason ? t(`reason ${reason}`) : said(value, t);
  return el("span", { class: "value", title: value }, ` (${meaning})`);
}

/** The name of a place in the interface's language. */
export const placeName = (place, language) =>
  (language === "ar" ? place.name_ar : place.name) || place.name;

/** A row for each incident. */
export function incidentTable(incidents, report, odd, language, t) {
  if (!incidents.length) return el("p", {}, t("noIncidents"));
  const mentions = indexed(report.entities);
  const events = indexed(report.events);
  return table(
    ["event", "status", "when", "where", "who", "harm"].map(t),
    incidents.map((incident) => [
      [
        label("event", incident.type),
        " ",
        code(incident.id, { class: "id" }),
        el("br"),
        lines([...new Set(incident.events.map((id) => events.get(id).text))].map(words)),
      ],
      [
        badge(incident, odd),
        incident.counter_of && el("div", {}, t("foils", { id: incident.counter_of })),
        incident.background && el("div", {}, t("background")),
      ],
      incident.date && el("span", { title: incident.date }, said(incident.date, t)),
      incident.location && [
        el("bdi", {}, placeName(incident.location, language)),
        el("div", { class: "value" }, where(incident.location, t)),
      ],
      lines(
        incident.arguments.map(({ role, id }) => [
          code(role, { class: "role", "--hue": hue(role) }),
          " ",
          words(mentions.get(id).text),
        ]),
      ),
      lines(
        Object.entries(incident.harm ?? {}).map(([kind, count]) => [
          code(kind),
          " ",
          el("bdi", {}, count),
        ]),
      ),
    ]),
  );
}

/** Where a place lies and how exactly it is known. */
export function where(place, t) {
  const country =
    place.country && new Intl.DisplayNames(t("locale"), { type: "region" }).of(place.country);
  return [country, t(`precision ${place.precision}`)].filter(Boolean).join(t("comma"));
}

/** A row for each mention. */
export function mentionTable(mentions, t) {
  if (!mentions.length) return el("p", {}, t("noMentions"));
  return table(
    ["mention", "type", "value"].map(t),
    mentions.map((mention) => [
      words(mention.text),
      label("mention", mention.type),
      valueOf(mention, t),
    ]),
  );
}

function table(heads, rows) {
  return el(
    "table",
    {},
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        heads.map((head) => el("th", { scope: "col" }, head)),
      ),
    ),
    el(
      "tbody",
      {},
      rows.map((cells) =>
        el(
          "tr",
          {},
          cells.map((cell) => el("td", {}, [cell])),
        ),
      ),
    ),
  );
}

const lines = (items) => items.map((item) => el("div", {}, item));

/** The dated incidents in order, under their days. */
export function timeline(incidents, odd, language, t) {
  const dated = incidents.filter((incident) => incident.date);
  if (!dated.length) return el("p", {}, t("noDates"));
  dated.sort((a, b) => (order(a.date) < order(b.date) ? -1 : 1));
  return el(
    "ol",
    { class: "time" },
    [...Map.groupBy(dated, (incident) => incident.date)].map(([date, told]) =>
      el(
        "li",
        {},
        el("div", { class: "day", title: date }, said(date, t)),
        el(
          "ul",
          {},
          told.map((incident) =>
            el(
              "li",
              {},
              label("event", incident.type),
              " ",
              badge(incident, odd),
              " ",
              incident.location && el("bdi", {}, placeName(incident.location, language)),
            ),
          ),
        ),
      ),
    ),
  );
}
