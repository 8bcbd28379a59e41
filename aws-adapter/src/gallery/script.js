// The gallery: lists what the API lists, uploads what is dropped, shows one picture's record.

const BUSY_MS = 1500;
const CALM_MS = 6000;
const UPLOADS_AT_ONCE = 3;

const byId = (id) => document.getElementById(id);
const records = new Map(); // By imageId, in the order of the list.
const cards = new Map(); // By imageId: the card and the text it was made of.
const previews = new Map(); // By imageId: what was dropped here, until its renditions are there.
let pages = 1;
let shown = null; // The imageId in the panel.
let timer = 0;
let round = 0;
const keeps = document.documentElement.dataset.keeps.split(" "); // Private metadata that renditions keep.

/** An element with attributes and children; text is never read as HTML. */
function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

// ---- The API.

async function api(path, options) {
  const response = await fetch(path, options);
  if (response.ok) return response.status === 204 ? null : response.json();
  const problem = await response.json().catch(() => ({}));
  throw new Error(`${problem.detail ?? response.statusText} [${problem.code ?? response.status}]`);
}

/** The pages that are shown, newest first. */
async function list() {
  const status = byId("filter").value;
  const items = [];
  let cursor = null;
  for (let page = 0; page < pages; page += 1) {
    const query = new URLSearchParams({ limit: "100" });
    if (status) query.set("status", status);
    if (cursor) query.set("cursor", cursor);
    const answer = await api(`/images?${query}`);
    items.push(...answer.items);
    cursor = answer.nextCursor;
    if (!cursor) break;
  }
  return { items, more: Boolean(cursor) };
}

async function refresh() {
  clearTimeout(timer);
  const mine = (round += 1);
  try {
    const { items, more } = await list();
    if (mine !== round) return; // A newer one is under way.
    records.clear();
    for (const record of items) records.set(record.imageId, record);
    byId("more").hidden = !more;
    note("connection", null);
    draw();
  } catch (error) {
    if (mine !== round) return;
    note("connection", `The pictures cannot be listed: ${error.message}`, { bad: true });
  }
  const busy = [...records.values()].some((record) => isBusy(record));
  timer = setTimeout(refresh, busy ? BUSY_MS : CALM_MS);
}

const isBusy = (record) => record.status === "PENDING" || record.status === "RUNNING";

// ---- Uploads.

const TYPES = { jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp", gif: "image/gif", tif: "image/tiff", tiff: "image/tiff", bmp: "image/bmp" };
const waiting = [];
let running = 0;
let counted = { done: 0, all: 0 };

function upload(files) {
  waiting.push(...files);
  counted.all += files.length;
  while (running < UPLOADS_AT_ONCE && waiting.length > 0) next();
}

async function next() {
  const file = waiting.shift();
  if (!file) return;
  running += 1;
  progress();
  try {
    await put(file);
  } catch (error) {
    note(file, `${file.name}: ${error.message}`, { bad: true });
  }
  running -= 1;
  counted.done += 1;
  progress();
  if (waiting.length > 0) next();
  else refresh();
}

async function put(file) {
  const type = file.type || TYPES[file.name.split(".").pop().toLowerCase()] || "application/octet-stream";
  const offer = { filename: file.name, contentType: type, size: file.size };
  const { imageId, upload } = await api("/images", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(offer) });
  if (file.type) previews.set(imageId, URL.createObjectURL(file));
  // The browser sets the length itself.
  const headers = Object.entries(upload.headers).filter(([name]) => name.toLowerCase() !== "content-length");
  await api(upload.url, { method: upload.method, headers: Object.fromEntries(headers), body: file });
}

function progress() {
  if (counted.done === counted.all) {
    counted = { done: 0, all: 0 };
    note("upload", null);
  } else {
    note("upload", `Uploading ${Math.min(counted.done + 1, counted.all)} of ${counted.all}`, { progress: counted });
  }
}

/** A line below the drop zone; null takes it away. */
const notes = new Map();
function note(key, text, { bad = false, progress = null } = {}) {
  notes.get(key)?.remove();
  notes.delete(key);
  if (text === null) return;
  const dismiss = h("button", { type: "button", onclick: () => note(key, null) }, "Dismiss");
  const bar = progress && h("progress", { value: progress.done, max: progress.all, "aria-label": "Uploaded" });
  const line = h("li", { class: bad ? "note bad" : "note" }, h("span", {}, text), bar, bad && dismiss);
  notes.set(key, line);
  byId("notes").append(line);
}

// ---- Words.

function bytes(count) {
  let value = count;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (value < 999.5) return `${value.toFixed(unit === "B" || value >= 99.95 ? 0 : 1)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)} TB`;
}

/** What a reader saves who gets the largest rendition instead of the original. */
function saved(record) {
  const largest = [...record.renditions].sort((a, b) => b.width * b.height - a.width * a.height)[0];
  if (!record.size || !largest) return "";
  const percent = Math.round((1 - largest.bytes / record.size) * 100);
  if (percent <= -100) return `${Math.round(largest.bytes / record.size)} times the size`;
  if (percent === 0) return "same size";
  return percent > 0 ? `${percent} % saved` : `${-percent} % more`;
}

const size = (thing) => (thing.width ? `${thing.width} × ${thing.height}` : "");
const total = (record) => record.renditions.reduce((sum, rendition) => sum + rendition.bytes, 0);
const pill = (record) => h("span", { class: `pill ${record.status}` }, record.status.toLowerCase());
const source = (record, rendition) => `/images/${record.imageId}/renditions/${rendition.name}`;
const TURNS = { 2: "mirrored", 3: "turned by 180°", 4: "flipped", 5: "mirrored, turned left", 6: "turned right", 7: "mirrored, turned right", 8: "turned left" };

// ---- The grid.

function draw() {
  const grid = byId("pictures");
  const counts = {};
  let place = grid.firstChild;
  for (const record of records.values()) {
    counts[record.status] = (counts[record.status] ?? 0) + 1;
    const made = cards.get(record.imageId);
    const text = JSON.stringify(record);
    if (!isBusy(record) && previews.has(record.imageId)) {
      URL.revokeObjectURL(previews.get(record.imageId));
      previews.delete(record.imageId);
    }
    if (made?.text !== text) {
      const fresh = card(record);
      if (made) {
        const focused = made.element.contains(document.activeElement);
        if (place === made.element) place = fresh;
        made.element.replaceWith(fresh);
        if (focused) fresh.querySelector("button").focus();
      }
      cards.set(record.imageId, { element: fresh, text });
      if (shown === record.imageId) detail(record);
    }
    const { element } = cards.get(record.imageId);
    if (element === place) place = place.nextSibling;
    else grid.insertBefore(element, place);
  }
  for (const [id, { element }] of cards) {
    if (records.has(id)) continue;
    element.remove();
    cards.delete(id);
  }
  const all = records.size;
  const parts = Object.entries(counts).map(([status, n]) => `${n} ${status.toLowerCase()}`);
  const summary = all === 0 ? "" : `${all} ${all === 1 ? "picture" : "pictures"}: ${parts.join(", ")}`;
  if (byId("summary").textContent !== summary) byId("summary").textContent = summary;
  byId("empty").hidden = all > 0;
  byId("empty").textContent = byId("filter").value ? "No picture has this status." : "No pictures yet. Drop one.";
}

function card(record) {
  const words = `${record.filename}, ${record.status.toLowerCase()}: details`;
  const after = record.status === "SUCCEEDED" ? saved(record) : record.size ? bytes(record.size) : "";
  return h(
    "li",
    { class: "card" },
    thumb(record),
    h(
      "div",
      { class: "about" },
      h("h2", { title: record.filename }, record.filename),
      h("p", {}, size(record) || record.format || "\u00a0"),
      h("p", {}, pill(record), h("span", {}, after)),
    ),
    h("button", { type: "button", "aria-label": words, "aria-haspopup": "dialog", onclick: () => open(record.imageId) }),
  );
}

function thumb(record) {
  if (record.error) {
    return h("div", { class: "thumb bad" }, h("code", {}, record.error.code), h("p", {}, record.error.message));
  }
  const smallest = record.renditions.find((r) => r.name === "thumb") ?? [...record.renditions].sort((a, b) => a.width - b.width)[0];
  if (smallest) {
    const clear = smallest.format === "jpeg" ? "thumb" : "thumb clear";
    return h("div", { class: clear }, h("img", { src: source(record, smallest), alt: "", loading: "lazy", decoding: "async" }));
  }
  const preview = previews.get(record.imageId);
  const image = preview && h("img", { src: preview, alt: "", onerror: (event) => event.target.remove() });
  return h("div", { class: isBusy(record) ? "thumb busy" : "thumb" }, image);
}

// ---- One picture.

async function open(id) {
  shown = id;
  const record = records.get(id) ?? (await api(`/images/${id}`));
  detail(record);
  byId("detail").showModal();
  history.replaceState(null, "", `#${id}`);
}

function detail(record) {
  const panel = byId("detail");
  const unfolded = panel.querySelector("details")?.open ?? false;
  const top = panel.scrollTop;
  const close = h("button", { type: "button", "aria-label": "Close", onclick: () => panel.close() }, "×");
  panel.replaceChildren(
    h("div", { class: "head" }, h("h2", { id: "detail-title" }, record.filename), pill(record), close),
    h(
      "div",
      { class: "body" },
      record.error && h("p", { class: "why" }, `${sentence(record.error.message)} `, h("code", {}, record.error.code)),
      record.renditions.length > 0 && renditions(record),
      h("div", { class: "facts" }, table("Original", original(record)), camera(record), table("Work", work(record))),
      h("details", { open: unfolded }, h("summary", {}, "The record as JSON"), h("pre", { tabindex: "0" }, JSON.stringify(record, null, 2))),
      record.status !== "DELETED" && removal(record),
    ),
  );
  panel.scrollTop = top;
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function renditions(record) {
  const widest = Math.max(...record.renditions.map((r) => r.width));
  const figures = record.renditions.map((rendition) => {
    const href = source(record, rendition);
    return h(
      "figure",
      { "data-grow": Math.max(1, Math.round((rendition.width / widest) * 4)) },
      h("div", { class: "stage" }, h("img", { class: rendition.format === "jpeg" ? null : "clear", src: href, alt: `${record.filename}, ${rendition.name}`, width: rendition.width, height: rendition.height, loading: "lazy" })),
      h(
        "figcaption",
        {},
        h("b", {}, rendition.name, h("a", { href, target: "_blank", rel: "noopener", "aria-label": `Open ${rendition.name}` }, "Open")),
        h("span", {}, `${size(rendition)} · ${rendition.format} · ${bytes(rendition.bytes)}`),
      ),
    );
  });
  for (const figure of figures) figure.style.setProperty("--grow", figure.dataset.grow);
  const sum = total(record);
  const count = record.renditions.length === 1 ? "one rendition" : `${record.renditions.length} renditions`;
  const title = `${bytes(record.size ?? 0)} became ${bytes(sum)} in ${count}; the largest: ${saved(record)}`;
  return h("section", {}, h("h3", {}, title), h("div", { class: "renditions" }, figures));
}

function table(title, rows) {
  const lines = rows.filter(([, value]) => value != null && value !== "");
  if (lines.length === 0) return null;
  const row = ([name, value, more]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value, more && h("small", {}, more)));
  return h("section", {}, h("h3", {}, title), h("table", {}, h("tbody", {}, lines.map(row))));
}

function original(record) {
  const turn = TURNS[record.orientation];
  const stored = turn && `stored ${record.storedWidth} × ${record.storedHeight}, ${turn} (orientation ${record.orientation})`;
  return [
    ["Format", record.format ?? record.contentType],
    ["Size", size(record), stored],
    ["Bytes", record.size != null && bytes(record.size), record.size >= 1000 && record.size.toLocaleString("en")],
    ["Key", record.key],
    ["Uploaded", when(record.timestamp)],
    ["SHA-256", record.sourceSha256 && h("code", { title: record.sourceSha256 }, `${record.sourceSha256.slice(0, 16)}…`)],
  ].map(([name, value, more]) => [name, value || null, more || null]);
}

function camera(record) {
  const exif = record.exif;
  if (!exif) return null;
  const repeats = exif.make && exif.model?.toLowerCase().startsWith(exif.make.toLowerCase());
  const exposure = [
    exif.exposureTime && (exif.exposureTime < 0.3 ? `1/${Math.round(1 / exif.exposureTime)} s` : `${exif.exposureTime} s`),
    exif.fNumber && `f/${exif.fNumber}`,
    exif.iso && `ISO ${exif.iso}`,
    exif.focalLength && `${exif.focalLength} mm`,
  ];
  const hidden = [exif.hasThumbnail && "thumbnail", exif.hasMakerNote && "maker note", exif.hasSerialNumber && "serial number"].filter(Boolean);
  const gone = () => h("span", { class: "gone" }, "removed");
  const half = (value, letters) => `${Math.abs(value).toFixed(4)}° ${letters[value < 0 ? 1 : 0]}`;
  const place = exif.gps && `the original holds ${half(exif.gps.latitude, "NS")}, ${half(exif.gps.longitude, "EW")}${exif.gps.altitude != null ? `, ${Math.round(exif.gps.altitude)} m` : ""}`;
  const fate = (word) => record.status === "SUCCEEDED" && !keeps.includes(word) ? gone() : "private";
  return table("Camera", [
    ["Camera", [!repeats && exif.make, exif.model].filter(Boolean).join(" ")],
    ["Lens", exif.lensModel],
    ["Taken", (exif.dateTimeOriginal ?? exif.dateTime ?? "").replace("T", " ")],
    ["Exposure", exposure.filter(Boolean).join(", ")],
    ["Artist", exif.artist],
    ["Copyright", exif.copyright],
    ["Software", exif.software],
    ["Location", place && fate("gps"), place],
    ["Private", hidden.length > 0 && fate("exif"), hidden.length > 0 && `the original holds a ${hidden.join(", a ")}`],
  ].map(([name, value, more]) => [name, value || null, more || null]));
}

function work(record) {
  const steps = Object.entries(record.durationMs ?? {});
  const all = steps.find(([name]) => name === "total")?.[1] ?? steps.reduce((sum, [, ms]) => sum + ms, 0);
  return [
    ["Took", steps.length > 0 ? `${all} ms` : null, steps.filter(([name]) => name !== "total").map(([name, ms]) => `${name} ${ms} ms`).join(", ")],
    ["Updated", when(record.updatedAt)],
    ["Image id", h("code", {}, record.imageId)],
  ];
}

const when = (text) => text && new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

function removal(record) {
  const ask = h("button", { type: "button", class: "delete" }, "Delete picture");
  const box = h("div", { class: "danger" }, ask);
  const back = () => { box.replaceChildren(ask); ask.focus(); };
  const sure = h("button", { type: "button", class: "delete", onclick: () => remove(record.imageId) }, "Delete for good");
  const keep = h("button", { type: "button", onclick: back }, "Keep");
  ask.addEventListener("click", () => {
    box.replaceChildren(h("span", {}, "The picture and its renditions are deleted; the record remains."), keep, sure);
    keep.focus();
  });
  return box;
}

async function remove(id) {
  try {
    await api(`/images/${id}`, { method: "DELETE" });
    byId("detail").close();
  } catch (error) {
    note(`delete ${id}`, `The picture was not deleted: ${error.message}`, { bad: true });
    byId("detail").close();
  }
  refresh();
}

// ---- What people do.

byId("files").addEventListener("change", (event) => {
  upload([...event.target.files]);
  event.target.value = "";
});
byId("drop").addEventListener("submit", (event) => event.preventDefault());
byId("filter").addEventListener("change", () => { pages = 1; refresh(); });
byId("more").addEventListener("click", () => { pages += 1; refresh(); });
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length > 0) upload(files);
});

const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
let depth = 0; // Enter and leave come once for each element beneath the pointer.
addEventListener("dragenter", (event) => { if (holdsFiles(event)) { depth += 1; byId("veil").hidden = false; } });
addEventListener("dragleave", (event) => { if (holdsFiles(event) && (depth -= 1) <= 0) { depth = 0; byId("veil").hidden = true; } });
addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
addEventListener("drop", (event) => {
  depth = 0;
  byId("veil").hidden = true;
  if (!holdsFiles(event)) return;
  event.preventDefault();
  upload([...event.dataTransfer.files]);
});

const panel = byId("detail");
panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });
panel.addEventListener("close", () => {
  const id = shown;
  shown = null;
  history.replaceState(null, "", location.pathname);
  cards.get(id)?.element.querySelector("button").focus();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });

await refresh();
const linked = location.hash.slice(1);
if (/^[a-z2-7]{26}$/.test(linked)) open(linked).catch(() => {});
