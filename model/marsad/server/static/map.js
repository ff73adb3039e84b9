/** A map of the incidents' places over country outlines; it needs no network and no tiles. */

import { el, hue, svg } from "./dom.js";
import { placeName, where } from "./views.js";

const SHAPE = 0.68; // height to width
const CLOSEST = 3; // degrees across

let outlines; // fetched once; a failure leaves the map without them

/** Country outlines: {unit, countries: [{code, at: [longitude, latitude], path}]}. */
async function countries() {
  outlines ??= fetch("countries.json").then((answer) => answer.json());
  return outlines.catch(() => ({ unit: 1, countries: [] }));
}

/** Fill `host` with a map of the places of `incidents` and a list of them. */
export async function map(host, incidents, language, t) {
  const { unit, countries: lands } = await countries();
  const places = [
    ...Map.groupBy(
      incidents.filter((incident) => incident.location),
      (incident) => incident.location.source_id,
    ).values(),
  ].map((told) => ({ place: told[0].location, told }));
  if (!places.length) return host.replaceChildren(el("p", {}, t("noPlaces")));
  const names = places.map(({ place }) => placeName(place, language));
  const image = svg("svg", {
    role: "img",
    class: "map",
    "aria-label": t("mapLabel", { places: names.join(t("comma")) }),
  });
  const ground = svg(
    "g",
    {},
    lands.map(({ path }) => svg("path", { class: "land", d: path })),
  );
  const overlay = svg("g");
  image.append(ground, overlay);
  const view = around(places);
  const draw = () => {
    const at = projection(image, ground, view, unit);
    if (at) overlay.replaceChildren(...places.map((found) => point(found, at)));
    if (at) write(overlay, image, lands, places, at, language, t);
  };
  const go = (to) => {
    Object.assign(view, to);
    draw();
  };
  const button = (name, sign, change) =>
    el(
      "button",
      { type: "button", "aria-label": t(name), title: t(name), onclick: () => go(change()) },
      sign,
    );
  host.replaceChildren(
    el(
      "div",
      { class: "map-frame" },
      image,
      el(
        "div",
        { class: "map-tools" },
        button("zoomIn", "+", () => ({ across: Math.max(view.across / 1.6, CLOSEST / 2) })),
        button("zoomOut", "−", () => ({ across: Math.min(view.across * 1.6, 360) })),
        button("fit", "⤢", () => around(places)),
      ),
    ),
    el(
      "ul",
      { class: "places" },
      places.map(({ place, told }) =>
        el(
          "li",
          {},
          el(
            "button",
            {
              type: "button",
              title: t("goTo"),
              onclick: () => go({ x: place.longitude, y: place.latitude, across: CLOSEST }),
            },
            el("bdi", {}, placeName(place, language)),
          ),
          el(
            "span",
            { class: "value" },
            `${where(place, t)} · ${t("incidents")}${t("colon")}${told.length}`,
          ),
        ),
      ),
    ),
    el("p", { class: "help" }, t("mapNote")),
  );
  pan(image, view, draw);
  draw();
  new ResizeObserver(draw).observe(image);
}

/** The middle (degrees) of all places and the degrees across that show them with some land about. */
function around(places) {
  const [xs, ys] = ["longitude", "latitude"].map((key) => places.map(({ place }) => place[key]));
  const middle = (values) => (Math.min(...values) + Math.max(...values)) / 2;
  const span = (values) => Math.max(...values) - Math.min(...values);
  return {
    x: middle(xs),
    y: middle(ys),
    across: Math.min(360, Math.max(8, 1.7 * span(xs), (1.7 * span(ys)) / SHAPE)),
  };
}

/**
 * Fit the ground to the view; a function from degrees to pixels (equirectangular, true to scale in
 * the middle), null while the image has no size.
 */
function projection(image, ground, { x, y, across }, unit) {
  const { width } = image.getBoundingClientRect();
  if (!width) return null;
  const height = Math.round(width * SHAPE);
  const right = width / across;
  const down = right / shrinking(y);
  const at = (longitude, latitude) => [
    width / 2 + (longitude - x) * right,
    height / 2 - (latitude - y) * down,
  ];
  image.setAttribute("viewBox", `0 0 ${width} ${height}`);
  ground.setAttribute(
    "transform",
    `translate(${at(0, 0).join(" ")}) scale(${right / unit} ${down / unit})`,
  );
  return at;
}

/** How long a degree of longitude is to one of latitude; never 0, not even at a pole. */
const shrinking = (latitude) => Math.max(0.1, Math.cos((latitude * Math.PI) / 180));

/** The names of places, then those of countries where there is room. */
function write(host, image, lands, places, at, language, t) {
  const { width, height } = image.viewBox.baseVal;
  const names = new Intl.DisplayNames(t("locale"), { type: "region" });
  const put = writer(host, width, height);
  for (const { place } of places)
    put(placeName(place, language), at(place.longitude, place.latitude), "place");
  for (const { code, at: middle } of lands) if (code) put(names.of(code), at(...middle), "country");
}

function point({ place, told }, at) {
  const [x, y] = at(place.longitude, place.latitude);
  const types = new Set(told.map((incident) => incident.type));
  const colour = types.size === 1 ? { "--hue": hue([...types][0]) } : { class: "mixed" };
  return svg("circle", {
    cx: x,
    cy: y,
    r: 5 + 2 * Math.sqrt(told.length),
    "data-precision": place.precision,
    ...colour,
  });
}

/** A function that writes a name near a point where none stands yet, or not at all. */
function writer(host, width, height) {
  const taken = [];
  return (text, [x, y], kind) => {
    if (x < 0 || y < 0 || x > width || y > height) return;
    const label = svg("text", { class: kind }, text);
    host.append(label);
    const half = label.getComputedTextLength() / 2 + 3;
    const spots =
      kind === "country"
        ? [[x, y]]
        : [
            [x, y - 13],
            [x, y + 22],
            [x + half + 10, y + 5],
            [x - half - 10, y + 5],
          ];
    const free = spots.find(
      ([cx, cy]) =>
        cx > half &&
        cx < width - half &&
        cy > 12 &&
        cy < height &&
        taken.every(
          (other) => Math.abs(other.y - cy) > 16 || Math.abs(other.x - cx) > other.half + half,
        ),
    );
    if (!free) return label.remove();
    label.setAttribute("x", free[0]);
    label.setAttribute("y", free[1]);
    taken.push({ x: free[0], y: free[1], half });
  };
}

/** Let the pointer drag the map. The list of places does the same for the keyboard. */
function pan(image, view, draw) {
  image.addEventListener("pointerdown", (event) => image.setPointerCapture(event.pointerId));
  image.addEventListener("pointermove", (event) => {
    if (!image.hasPointerCapture(event.pointerId)) return;
    const degrees = view.across / image.getBoundingClientRect().width;
    view.x -= event.movementX * degrees;
    view.y = Math.max(-80, Math.min(80, view.y + event.movementY * degrees * shrinking(view.y)));
    draw();
  });
}
