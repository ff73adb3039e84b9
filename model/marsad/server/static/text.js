/** The report's text with its spans marked, and lines from an event to what fills its roles. */

import { el, hue, svg, visible } from "./dom.js";

/**
 * The text cut wherever one of `mentions` or `events` starts or ends (offsets are code points,
 * end exclusive), each piece marked as what covers it. Returns the nodes, and the marks by span id.
 * Events for which `odd` holds get a dashed line.
 */
export function highlighted(text, mentions, events, odd) {
  const points = Array.from(visible(text));
  const spans = [...mentions, ...events];
  const triggers = new Set(events);
  const cuts = new Set([0, points.length, ...spans.flatMap((span) => [span.start, span.end])]);
  const ends = [...cuts].sort((a, b) => a - b);
  const marks = new Map(spans.map((span) => [span.id, []]));
  const nodes = ends.slice(1).map((end, i) => {
    const piece = points.slice(ends[i], end).join("");
    const over = spans.filter((span) => span.start <= ends[i] && end <= span.end);
    if (!over.length) return piece;
    const node = mark(piece, over, triggers, odd);
    for (const span of over) marks.get(span.id).push(node);
    return node;
  });
  return { nodes, marks };
}

function mark(piece, over, triggers, odd) {
  const properties = { title: over.map(told).join(" · ") };
  const classes = [];
  for (const span of over) {
    const kind = triggers.has(span) ? "event" : "mention";
    classes.push(kind, ...(kind === "event" && odd(span) ? ["odd"] : []));
    properties[`--${kind}`] = hue(span.type);
  }
  return el("mark", { class: classes.join(" "), ...properties }, piece);
}

const told = (span) => [span.type, span.status ?? span.value].filter(Boolean).join(" ");

/**
 * Draw into `host`, which holds the text, a line from the trigger of `event` to each mention that
 * fills a role of it, with the role's name; nothing where the event is null or its trigger hidden.
 */
export function link(host, event, marks) {
  host.querySelector("svg")?.remove();
  for (const marked of marks.values())
    for (const node of marked) node.classList.remove("linked-to");
  const trigger = event && marks.get(event.id)?.[0];
  if (!trigger) return;
  const frame = host.getBoundingClientRect();
  const layer = svg("svg", {
    class: "links",
    width: frame.width,
    height: frame.height,
    "aria-hidden": "true",
  });
  const from = box(trigger, frame);
  const labels = [];
  for (const [id, roles] of Map.groupBy(event.arguments, (argument) => argument.id)) {
    const filler = marks.get(id)?.[0];
    if (!filler) continue;
    for (const node of marks.get(id)) node.classList.add("linked-to");
    const to = box(filler, frame);
    const colour = { "--hue": hue(roles[0].role) };
    layer.append(svg("path", { d: curve(from, to), ...colour }));
    const label = svg(
      "text",
      { x: to.x, ...colour },
      roles.map((a) => visible(a.role)).join(" · "),
    );
    labels.push([label, to]);
    layer.append(label);
  }
  for (const node of marks.get(event.id)) node.classList.add("linked-to");
  host.append(layer);
  place(labels, frame.width);
}

function box(node, frame) {
  const first = node.getClientRects()[0];
  return {
    x: first.left + first.width / 2 - frame.left,
    top: first.top - frame.top,
    bottom: first.bottom - frame.top,
  };
}

/** A path between two boxes: an arc over one line of text, an S from line to line. */
function curve(from, to) {
  if (Math.abs(from.top - to.top) < 6) {
    const up = Math.min(from.top, to.top) - 16;
    return `M${from.x} ${from.top}C${from.x} ${up} ${to.x} ${up} ${to.x} ${to.top}`;
  }
  const down = to.top > from.top;
  const [start, end] = down ? [from.bottom, to.top] : [from.top, to.bottom];
  const bend = (end - start) / 2;
  return `M${from.x} ${start}C${from.x} ${start + bend} ${to.x} ${end - bend} ${to.x} ${end}`;
}

/** Put each role's name over its mention, or under it where another name stands already. */
function place(labels, width) {
  const taken = [];
  for (const [label, { x, top, bottom }] of labels) {
    const half = label.getComputedTextLength() / 2 + 2;
    label.setAttribute("x", Math.min(Math.max(x, half), width - half));
    const free = [top - 3, bottom + 9, top - 14].find((y) =>
      taken.every(
        (other) => Math.abs(other.y - y) > 11 || Math.abs(other.x - x) > other.half + half,
      ),
    );
    const y = free ?? top - 3;
    label.setAttribute("y", y);
    taken.push({ x, y, half });
  }
}
