// Makes the outlines of the service's offline map:
//
//   npm install world-atlas@2.0.2 topojson-client@3.1.0 topojson-simplify@3.0.3
//   node outlines.mjs ../../model/marsad/server/static/countries.json
//
// The file holds, for each country, its code (ISO 3166 alpha-2, empty for land without one), the
// point for its name (the middle of its largest part; degrees) and an SVG path in hundredths of a
// degree, east and south positive, so that it can be drawn as it is.
import { readFileSync, writeFileSync } from "node:fs";
import { feature } from "topojson-client";
import { presimplify, simplify } from "topojson-simplify";

const UNIT = 100; // of the path, to a degree
const SMALLEST = 2e-4; // triangle that a corner may make and still be dropped, square degrees
const ISLET = 0.02; // parts of a country smaller than this are dropped unless it has no larger one

const source = new URL(import.meta.resolve("world-atlas/countries-50m.json"));
const topology = JSON.parse(readFileSync(source, "utf-8"));
const simple = simplify(presimplify(topology), SMALLEST);
const countries = feature(simple, simple.objects.countries).features.map(outline);
const note = "Natural Earth 1:50m (public domain) by way of world-atlas 2.0.2, simplified.";
writeFileSync(process.argv[2], JSON.stringify({ note, unit: UNIT, countries }) + "\n");

function outline({ id, geometry }) {
  const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  const sized = polygons
    .map((rings) => ({ rings, ...centre(rings[0]) }))
    .sort((a, b) => b.area - a.area);
  const kept = sized.filter(({ area }, i) => i === 0 || area >= ISLET);
  const path = kept.flatMap(({ rings }) => rings.map(drawn)).join("");
  return { code: code(id), at: sized[0].at, path };
}

// Intl turns the numbers of ISO 3166 into its letters: und-368 is und-IQ.
function code(number) {
  if (!number) return "";
  const [locale] = Intl.getCanonicalLocales(`und-${number}`);
  return /^und-[A-Z]{2}$/.test(locale) ? locale.slice(4) : "";
}

function centre(ring) {
  let [area, x, y] = [0, 0, 0];
  for (let i = 0; i + 1 < ring.length; i++) {
    const cross = ring[i][0] * ring[i + 1][1] - ring[i + 1][0] * ring[i][1];
    area += cross / 2;
    x += ((ring[i][0] + ring[i + 1][0]) * cross) / 6;
    y += ((ring[i][1] + ring[i + 1][1]) * cross) / 6;
  }
  const at = area ? [x / area, y / area] : ring[0];
  return { area: Math.abs(area), at: at.map((degrees) => Number(degrees.toFixed(1))) };
}

function drawn(ring) {
  const points = ring.map(([x, y]) => [Math.round(x * UNIT), Math.round(-y * UNIT)]);
  const steps = points
    .slice(1, -1) // the last is the first
    .map(([x, y], i) => [x - points[i][0], y - points[i][1]])
    .filter(([x, y]) => x || y)
    .map(([x, y]) => `${x}${y < 0 ? "" : " "}${y}`);
  if (!steps.length) return ""; // an islet of another's that came down to a point
  return `M${points[0].join(" ")}l${steps.join(" ")}z`.replaceAll(" -", "-");
}
