// What stands in the way of somebody who cannot see the page, cannot use a mouse, or sees little: a list of faults.
const faults = [];
const fault = (what, element) => faults.push(`${what}: ${element.outerHTML.slice(0, 160)}`);
const isShown = (element) => element.checkVisibility() && element.getClientRects().length > 0;
const nameOf = (element) =>
  (element.getAttribute("aria-label") || element.textContent || element.getAttribute("title") ||
    [...element.querySelectorAll("img")].map((image) => image.alt).join(" ")).trim();

if (!document.documentElement.lang) fault("no language", document.documentElement);
if (!document.title) fault("no title", document.head);
if (document.querySelectorAll("h1").length !== 1) fault("not one first heading", document.body);
if (!document.querySelector("main")) fault("no main part", document.body);

let level = 1;
for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
  const own = Number(heading.tagName[1]);
  if (own > level + 1) fault("a level of headings is left out", heading);
  level = own;
}
for (const image of document.images) if (!image.hasAttribute("alt")) fault("a picture without words", image);
for (const control of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
  if (!control.labels.length && !control.getAttribute("aria-label")) fault("a field without a label", control);
}
for (const control of document.querySelectorAll("a[href], button, summary")) {
  if (isShown(control) && !nameOf(control)) fault("nothing says what this does", control);
}
for (const region of document.querySelectorAll("[role=region]")) {
  if (!region.getAttribute("aria-label")) fault("a region without a name", region);
}
for (const element of document.querySelectorAll("[tabindex]")) {
  if (element.tabIndex > 0) fault("an order of its own", element);
}
const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place))) fault(`two of #${id}`, document.body);

// What can be reached is seen when it has the focus, and comes in the order in which it is read.
const reachable = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter((element) => element.type !== "hidden" && !element.disabled && element.checkVisibility());
for (const element of reachable.slice(0, 150)) {
  element.focus({ preventScroll: true });
  if (document.activeElement !== element) fault("the focus does not get here", element);
  const style = getComputedStyle(element);
  const box = element.querySelector?.(".box");
  const isMarked = style.outlineStyle !== "none" || (box && getComputedStyle(box).strokeWidth !== "1.25px");
  if (!isMarked && element.matches(":focus-visible")) fault("the focus is not seen", element);
}
document.activeElement.blur();

// Text against what is behind it.
const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const read = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
function behind(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = read(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
    if (colour[3] > 0) return null;
  }
  return [255, 255, 255];
}
for (const element of document.body.querySelectorAll("*:not(svg *)")) {
  const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
  if (!hasText || !isShown(element)) continue;
  const style = getComputedStyle(element);
  const [front, back] = [read(style.color), behind(element)];
  if (!back) continue;
  const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < (isLarge ? 3 : 4.5)) fault(`contrast ${ratio.toFixed(2)}`, element);
}

if (document.documentElement.scrollWidth > innerWidth) {
  const wide = [...document.querySelectorAll("main *")].find((it) => it.getBoundingClientRect().right > innerWidth + 1 && !it.closest(".picture, pre, .code"));
  fault(`wider than the window: ${document.documentElement.scrollWidth} of ${innerWidth}`, wide || document.body);
}
return faults;
