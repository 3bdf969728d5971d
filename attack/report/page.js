// The page's own script. It reads the report beside it and makes tables of it; nothing is loaded.
const report = JSON.parse(document.getElementById("report").textContent);
const { summary, standings, layers, objects, actors, verbs, texts } = report;
const TITLES = {
  catalog: "The database, as its roles",
  graphql: "The API, as its users",
  session: "Pools and sessions, under fire",
};
const MEANING = {
  breach: "got through",
  vacuous: "proved nothing",
  allowed: "allowed, and reviewed",
  "own rows only": "own rows only",
  nothing: "found nothing",
  refused: "refused",
};
const attempts = report.rows.map(([layer, object, actor, verb, standing, code, detail]) => ({
  layer: layers[layer],
  object: objects[object],
  actor: actors[actor],
  verb: verbs[verb],
  standing,
  code: texts[code],
  detail: texts[detail],
}));
const byId = (id) => document.getElementById(id);
const toneOf = (standing) => standings[standing].split(" ")[0];
const hidden = new Set();

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function word(standing) {
  return element("span", { className: `word ${toneOf(standing)}` }, MEANING[standings[standing]]);
}

function tableOfAttempts(table, titles, rows) {
  const head = element("tr", {}, ...titles.map((title) => element("th", {}, title)));
  table.replaceChildren(
    element("thead", {}, head),
    element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells))),
  );
}

function cellsOf(attempt, withPlace) {
  const place = withPlace ? [attempt.object, attempt.actor] : [];
  return [
    ...[...place, attempt.verb].map((text) => element("td", {}, text)),
    element("td", {}, word(attempt.standing)),
    element("td", {}, attempt.code),
    element("td", { className: "detail" }, attempt.detail),
  ];
}

function show(object, actor, some) {
  byId("detail-title").textContent = `${actor} at ${object}`;
  const sorted = some.toSorted((a, b) => a.standing - b.standing);
  tableOfAttempts(
    byId("detail-table"),
    ["How", "What came of it", "Code", "Detail"],
    sorted.map((attempt) => cellsOf(attempt, false)),
  );
  byId("detail").hidden = false;
}

function chosen() {
  const find = byId("find").value.trim().toLowerCase();
  return attempts.filter(
    ({ layer, actor, object, verb, standing, code }) =>
      !hidden.has(standing) &&
      (byId("layer").value === "" || layer === byId("layer").value) &&
      (byId("actor").value === "" || actor === byId("actor").value) &&
      `${object} ${actor} ${verb} ${code}`.toLowerCase().includes(find),
  );
}

function matrixOf(layer, some) {
  const columns = [...new Set(some.map(({ actor }) => actor))];
  const rows = Map.groupBy(some, ({ object }) => object);
  const head = element("tr", {}, element("th"), ...columns.map((name) => element("th", {}, name)));
  const sorted = [...rows].toSorted(([a], [b]) => a.localeCompare(b));
  const body = sorted.map(([object, inRow]) => {
    const inCells = Map.groupBy(inRow, ({ actor }) => actor);
    const tds = columns.map((actor) => {
      const inCell = inCells.get(actor);
      if (inCell === undefined) return element("td");
      const worst = Math.min(...inCell.map(({ standing }) => standing));
      const counts = standings
        .map((name, n) => [MEANING[name], inCell.filter(({ standing }) => standing === n).length])
        .filter(([, count]) => count > 0)
        .map(([name, count]) => `${count} ${name}`);
      const button = element(
        "button",
        { type: "button", className: toneOf(worst), title: counts.join("\n") },
        String(inCell.length),
      );
      button.addEventListener("click", () => show(object, actor, inCell));
      return element("td", {}, button);
    });
    return element("tr", {}, element("th", { title: object }, object), ...tds);
  });
  const table = element("table", { className: "matrix" });
  table.append(element("thead", {}, head), element("tbody", {}, ...body));
  const title = `${TITLES[layer] ?? layer}: ${rows.size} objects, ${some.length} attempts`;
  return element(
    "section",
    {},
    element("h2", {}, title),
    element("div", { className: "scroll" }, table),
  );
}

function draw() {
  const byLayer = Map.groupBy(chosen(), ({ layer }) => layer);
  const sections = [...byLayer].map(([layer, some]) => matrixOf(layer, some));
  byId("matrices").replaceChildren(
    ...(sections.length > 0
      ? sections
      : [element("p", { className: "hint" }, "Nothing like that.")]),
  );
}

function fillControls() {
  const option = (value, text) => element("option", { value }, text);
  byId("layer").append(option("", "all"), ...layers.map((name) => option(name, name)));
  byId("actor").append(option("", "all"), ...actors.map((name) => option(name, name)));
  for (const [n, name] of standings.entries()) {
    const box = element("input", { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      if (box.checked) hidden.delete(n);
      else hidden.add(n);
      draw();
    });
    const dot = element("span", { className: `dot ${toneOf(n)}` });
    byId("legend").append(element("label", {}, box, " ", dot, MEANING[name]));
  }
  for (const id of ["find", "layer", "actor"]) byId(id).addEventListener("input", draw);
  byId("close").addEventListener("click", () => (byId("detail").hidden = true));
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") byId("detail").hidden = true;
  });
}

function tell() {
  const { startedAt, seconds, database, server, seed, breaches, vacuous } = summary;
  const places = [database, server].filter((place) => place !== "").join(" and ");
  byId("about").textContent =
    `${places}, ${startedAt.slice(0, 16).replace("T", " ")} UTC, ${seconds} s, seed ${seed}`;
  const verdict = byId("verdict");
  verdict.textContent =
    breaches > 0
      ? `${breaches} got through`
      : vacuous > 0
        ? `${vacuous} proved nothing`
        : "Nothing got through";
  verdict.className = breaches > 0 ? "breach" : vacuous > 0 ? "vacuous" : "";
  const tile = (className, count, name) =>
    element(
      "div",
      { className: `tile ${className}` },
      element("b", {}, count.toLocaleString("en")),
      element("span", {}, name),
    );
  byId("tiles").append(tile("", attempts.length, "attempts"));
  for (const [n, name] of standings.entries()) {
    const count = attempts.filter(({ standing }) => standing === n).length;
    byId("tiles").append(tile(toneOf(n), count, MEANING[name]));
  }
  const alarms = attempts.filter(
    ({ standing }) => standings[standing] === "breach" || standings[standing] === "vacuous",
  );
  byId("alarms").hidden = alarms.length === 0;
  tableOfAttempts(
    byId("alarm-table"),
    ["What", "Who", "How", "What came of it", "Code", "Detail"],
    alarms.toSorted((a, b) => a.standing - b.standing).map((attempt) => cellsOf(attempt, true)),
  );
}

tell();
fillControls();
draw();
