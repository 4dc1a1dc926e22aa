/** The styles of drawings, for a shadow root, in addition to those of all pictures: groups, highlights, the list. */

export const GRAPH_STYLE = `
:host { display: block; height: 100%; }
.list { height: 100%; overflow: auto; cursor: grab; outline-offset: -2px; background: var(--card); }
.list:focus-visible { outline: 2px solid var(--accent); }
.list.dragged { cursor: grabbing; user-select: none; }
.list svg { display: block; margin: 0 auto; }
.frame.of-phase rect { fill: none; stroke: var(--line); stroke-dasharray: 4 3; }
.frame.of-module rect, .frame.of-body rect { fill: var(--module); fill-opacity: .45; stroke: var(--moduleEdge); }
text.frame { stroke-width: 3px; stroke: var(--card); }
text.frame.of-phase { fill: var(--soft); font-size: 12px; font-weight: 600; }
text.frame.of-module, text.frame.of-body { fill: var(--moduleText); font-weight: 600; }
.closed rect { stroke-width: 1.2; }
.closed.of-module rect, .closed.of-body rect { fill: var(--module); stroke: var(--moduleEdge); }
.closed.of-phase rect { fill: var(--well); stroke: var(--soft); }
.closed.of-kernel rect { fill: var(--kernel); stroke: var(--frame); }
.toggle rect { fill: var(--card); stroke: var(--soft); stroke-width: 1; }
.toggle path { stroke: var(--ink); stroke-width: 1.5; fill: none; }
.toggle { cursor: pointer; }
.toggle:hover rect { stroke: var(--accent); }
.toggle:hover path { stroke: var(--accent); }
.lit > rect { stroke: var(--accent) !important; stroke-width: 2.5; }
.subject > rect { stroke-width: 4; }
.found > rect { stroke: var(--found) !important; stroke-width: 2.5; }
[data-box] { cursor: pointer; }
`;
