"""Looks of a run's report: one style sheet, no fonts or pictures from elsewhere."""

STYLE = """
:root { --ink: #1d2733; --muted: #66727f; --rule: #e6eaee; --paper: #f5f7f9; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 14.5px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 24px 48px; }
header { margin: 4px 4px 20px; }
h1 { font-size: 27px; font-weight: 650; letter-spacing: -0.01em; margin: 0; }
h2 { font-size: 16px; font-weight: 620; margin: 0; }
.facts, .lead, footer { color: var(--muted); margin: 2px 0 0; }
.lead { font-size: 13px; margin-bottom: 8px; }
.cards { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px;
  background: none; border: 0; padding: 0; box-shadow: none; }
.card { background: #fff; border: 1px solid var(--rule); border-radius: 10px; padding: 12px 14px; }
.card span { display: block; color: var(--muted); font-size: 12.5px; }
.card b { display: block; font-size: 23px; font-weight: 620; letter-spacing: -0.01em; }
.card i { font-style: normal; font-size: 13px; font-weight: 450; color: var(--muted);
  margin-left: 5px; letter-spacing: 0; }
.card small { color: var(--muted); font-size: 12px; }
section { background: #fff; border: 1px solid var(--rule); border-radius: 10px;
  padding: 16px 18px; margin: 0 0 14px; }
section.cards { margin-bottom: 14px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 14px; }
.pair > section { min-width: 0; }
.pair > section:only-child { grid-column: 1 / -1; }
@media (max-width: 820px) { .cards { grid-template-columns: 1fr 1fr; }
  .pair { grid-template-columns: 1fr; } }
.chart { width: 100%; }
.key { color: var(--muted); font-size: 12.5px; margin: 6px 0 0; }
.key span { margin-left: 14px; }
.key i { display: inline-block; width: 13px; height: 13px; border: 1px solid #d5dbe1;
  border-radius: 3px; margin-right: 5px; vertical-align: -2px; }
table { width: 100%; border-collapse: collapse; font-size: 13.5px; }
th { text-align: left; color: var(--muted); font-weight: 500; font-size: 12.5px; }
th, td { padding: 6px 10px 6px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap;
  padding-right: 18px; }
th.n:first-child, td.n:first-child { width: 1%; }
.quiet { color: var(--muted); }
.badge { display: inline-block; min-width: 58px; text-align: center; border-radius: 20px;
  padding: 0 9px; font-size: 12px; font-weight: 600; }
.badge.pass { background: #dff3e8; color: #1b6f48; }
.badge.fail { background: #fbe1e1; color: #a32828; }
.badge.missing { background: #fdf1d8; color: #8a5a00; }
footer { font-size: 12.5px; margin: 18px 4px 0; }
@media print { body { background: #fff; } section, .card { break-inside: avoid; } }
"""
