"""How a report's page looks, on the screen and on paper."""

STYLE = """
:root { --ink: #262b33; --faint: #6b7480; --line: #e3e6ea;
  --good: #2b7a4b; --bad: #c8323c; --accent: #d6603e; }
* { box-sizing: border-box; }
body { margin: 0; background: #f3f4f6; color: var(--ink); 
  font: 15px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
main { max-width: 1080px; margin: 32px auto; padding: 40px 48px; background: #fff; border-radius: 10px;
  box-shadow: 0 1px 3px rgb(30 40 60 / 12%); }
header { border-bottom: 1px solid var(--line); padding-bottom: 22px; margin-bottom: 22px; }
.brand { margin: 0; color: var(--accent); font-weight: 600; letter-spacing: .04em; font-size: 13px; }
h1 { margin: 2px 0 0; font-size: 29px; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 0 0 10px; font-size: 18px; }
.facts { margin: 4px 0 14px; color: var(--faint); }
.badge { display: inline-block; padding: 4px 13px; border-radius: 99px; font-weight: 600; color: #fff; }
.badge.good { background: var(--good); } .badge.bad { background: var(--bad); }
.badge.none { background: var(--faint); }
section { margin: 30px 0; }
section > p { margin: -6px 0 10px; color: var(--faint); }
svg { width: 100%; height: auto; }
figure { margin: 0; }
figcaption { font-size: 13px; color: var(--faint); }
img { display: block; width: 100%; border-radius: 4px; }
.strip { display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; gap: 6px; }
.strip img { margin-bottom: 4px; } .strip figcaption { text-align: center; }
.moments { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 18px; }
.moments figure { border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
.moments figure.failed { border-color: var(--bad); }
.moments img { border-radius: 0; }
.moments figcaption { padding: 8px 12px 10px; } .moments b { color: var(--ink); }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th { text-align: left; color: var(--faint); font-weight: 500; font-size: 13px; }
th, td { padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td .note { color: var(--faint); font-size: 13px; overflow-wrap: anywhere; }
.tick { color: var(--good); font-weight: 700; } .cross { color: var(--bad); font-weight: 700; }
@media print { body { background: #fff; font-size: 12px; }
  main { margin: 0; padding: 0; box-shadow: none; max-width: none; }
  section, figure, tr { break-inside: avoid; }
  .badge { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
