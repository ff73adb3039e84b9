/** The DOM, built node by node. What a report says only ever becomes text, never markup. */

const SVG = "http://www.w3.org/2000/svg";

// FNV-1a's start, chosen so that the shipped label set gets well-parted hues; any other works.
const SALT = 241543;

/**
 * An element. Properties that start with `on` are listeners, with `--` custom properties of its
 * style; of the others, null and false are left out. Children are nodes, strings or lists of them.
 */
export function el(tag, properties = {}, ...children) {
  return built(document.createElement(tag), properties, children);
}

/** An SVG element, likewise. */
export function svg(tag, properties = {}, ...children) {
  return built(document.createElementNS(SVG, tag), properties, children);
}

function built(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) node.style.setProperty(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child || child === 0));
  return node;
}

/** The element with that id. */
export const byId = (id) => document.getElementById(id);

/**
 * A text with its control characters made visible, as many characters as before: an override of
 * direction (U+202D, U+202E) would show words that are not the text's.
 */
export const visible = (text) =>
  text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202d\u202e]/g, "\u00b7");

/** Words of a report, in their own direction. */
export const words = (text) => el("bdi", { lang: "ar" }, visible(text));

/** A label, id or value as it stands in the data. */
export const code = (text, properties = {}) =>
  el("code", { lang: "en", ...properties }, visible(text));

/** A hue (degrees) that a name always gets. */
export function hue(name) {
  let hash = SALT;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 16777619) >>> 0;
  return ((hash ^ (hash >>> 15)) >>> 0) % 360;
}
