"""The style sheet of a report's page: light, dark, narrow and in print."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fcfcfa; --card: #ffffff; --ink: #1c1d1f; --soft: #5b5f66;
  --rule: #e3e3de; --track: #eeeeea; --fill: #3d8fc9; --band: #3d8fc93d;
  --bad: #b3420a; --bad-paper: #fdf1ea; --good: #00694c;
  --good-paper: #e9f6f1; --note-paper: #f1f2f4; --mark: #1c1d1f;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #15171a; --card: #1d2024; --ink: #eceef0; --soft: #a4abb3;
    --rule: #33383e; --track: #2a2e33; --fill: #3682b8; --band: #3682b866;
    --bad: #ff9d6b; --bad-paper: #35241b; --good: #57d0a5;
    --good-paper: #17302a; --note-paper: #262a2f; --mark: #ffffff;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
    "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
body > * { max-width: 54rem; margin-inline: auto; padding-inline: 1.25rem; }
header { padding-top: 2.5rem; }
h1 { font-size: clamp(1.6rem, 5vw, 2.3rem); line-height: 1.15; margin: 0;
  letter-spacing: -0.02em; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 0.75rem; letter-spacing: -0.01em; }
h3 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere; }
p { margin: 0.5rem 0; }
code { font: 0.92em/1 ui-monospace, "SF Mono", Menlo, Consolas, monospace;
  background: var(--note-paper); border-radius: 4px; padding: 0.12em 0.35em;
  overflow-wrap: anywhere; }
.eyebrow { color: var(--soft); font-size: 0.85rem; margin: 0 0 0.35rem; }
.figures { display: grid; gap: 0.75rem 1.5rem; margin: 1.25rem 0 0;
  grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }
.figures dt { color: var(--soft); font-size: 0.85rem; }
.figures dd { margin: 0; font-size: 1.6rem; line-height: 1.25;
  font-weight: 600; letter-spacing: -0.01em; }
.figures small { display: block; font-size: 0.8rem; font-weight: 400;
  letter-spacing: 0; color: var(--soft); }
.findings { list-style: none; margin: 0; padding: 0; }
.findings li { display: grid; grid-template-columns: 1.5rem 1fr;
  gap: 0.6rem; padding: 0.6rem 0; border-top: 1px solid var(--rule); }
.findings li:first-child { border-top: 0; font-size: 1.2rem;
  line-height: 1.45; font-weight: 500; }
.mark { width: 1.5rem; height: 1.5rem; margin-top: 0.05rem;
  border-radius: 50%; display: grid; place-items: center;
  font-size: 0.85rem; font-weight: 700; background: var(--note-paper);
  color: var(--soft); }
.bad > .mark { background: var(--bad-paper); color: var(--bad); }
.good > .mark { background: var(--good-paper); color: var(--good); }
.action { border-left: 4px solid var(--fill); background: var(--card);
  padding: 0.75rem 1rem; margin: 1rem 0 0; border-radius: 0 6px 6px 0; }
.action strong { display: block; font-size: 0.9rem; color: var(--soft);
  font-weight: 600; }
.card { background: var(--card); border: 1px solid var(--rule);
  border-radius: 10px; padding: 1rem 1.1rem 0.9rem; margin: 0.9rem 0;
  break-inside: avoid; }
.card > header { display: flex; flex-wrap: wrap; align-items: baseline;
  gap: 0.25rem 0.75rem; padding: 0; margin-bottom: 0.6rem; }
.chip { font-size: 0.82rem; border-radius: 99px; padding: 0.1rem 0.65rem;
  background: var(--note-paper); color: var(--soft); }
.chip.bad { background: var(--bad-paper); color: var(--bad); }
.chip.good { background: var(--good-paper); color: var(--good); }
.row { display: grid; align-items: center; gap: 0.1rem 0.9rem;
  grid-template-columns: 9.5rem 1fr 8.5rem; padding: 0.22rem 0; }
.row .what { color: var(--soft); font-size: 0.92rem;
  overflow-wrap: anywhere; }
.row .number { text-align: right; white-space: nowrap; }
.row .cost { display: inline-block; min-width: 3.4em; color: var(--soft);
  font-size: 0.85rem; }
.chart { display: block; width: 100%; overflow: visible; }
.track { fill: var(--track); }
.fill { fill: var(--fill); }
.band { fill: var(--band); }
.line { fill: none; stroke: var(--fill); stroke-width: 2;
  vector-effect: non-scaling-stroke; }
.dot { fill: var(--fill); stroke: var(--card); stroke-width: 1.5; }
.whisker { stroke: var(--mark); stroke-width: 1.4; }
.halo { stroke: var(--card); stroke-width: 4; }
.intact { stroke: var(--mark); stroke-width: 2; }
.axis { stroke: var(--soft); stroke-width: 1; }
.chance { stroke: var(--bad); stroke-width: 1.8; stroke-dasharray: 4 3;
  vector-effect: non-scaling-stroke; }
.tick { fill: var(--soft); font-size: 0.75rem; }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1.4rem; padding: 0;
  margin: 0 0 0.5rem; list-style: none; color: var(--soft);
  font-size: 0.88rem; }
.legend li { display: flex; align-items: center; gap: 0.45rem; }
.legend svg { width: 22px; height: 14px; flex: none; }
.grid { display: grid; gap: 0.9rem;
  grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); }
.grid .card { margin: 0; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.93rem; }
caption { text-align: left; color: var(--soft); font-size: 0.88rem;
  padding-bottom: 0.4rem; }
th, td { text-align: right; padding: 0.4rem 0 0.4rem 0.9rem;
  vertical-align: top; border-bottom: 1px solid var(--rule);
  font-weight: 400; }
thead th { color: var(--soft); font-size: 0.85rem; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tbody th { overflow-wrap: anywhere; }
tr.first th, tr.first td { border-top: 2px solid var(--rule); }
td small, th small { display: block; color: var(--soft);
  font-size: 0.8rem; white-space: nowrap; }
footer { color: var(--soft); font-size: 0.9rem; padding-block: 2rem 3rem; }
footer h2 { color: var(--ink); }
footer dt { color: var(--ink); font-weight: 600; }
footer dd { margin: 0 0 0.6rem; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 34rem) {
  body > * { padding-inline: 1rem; }
  header { padding-top: 1.5rem; }
  .row { grid-template-columns: 1fr auto; padding: 0.35rem 0; }
  .row .chart { grid-row: 2; grid-column: 1 / -1; }
  .ruler .what, .ruler .number { display: none; }
  .findings li:first-child { font-size: 1.1rem; }
}
@media print {
  :root { --paper: #fff; --card: #fff; }
  body { font-size: 10pt; }
  body > * { max-width: none; padding-inline: 0; }
  header { padding-top: 0; }
  h2, h3 { break-after: avoid; }
  tr, li { break-inside: avoid; }
  .fill, .track, .band, .mark, .chip { -webkit-print-color-adjust: exact;
    print-color-adjust: exact; }
}
"""
