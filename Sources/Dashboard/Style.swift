/// The one style sheet. Every colour of text is at least 4.5:1 against what it stands on, in light and in dark (a test
/// measures it).
enum Style {
    /// By name: light, dark.
    static let colours: [(name: String, light: String, dark: String)] = [
        ("paper", "#f7f6f3", "#14171a"), ("surface", "#ffffff", "#1c2024"), ("line", "#dedbd4", "#343a41"),
        ("track", "#e4e1da", "#3a4149"), ("text", "#1d2329", "#e7e9ec"), ("faint", "#5b636c", "#a0a8b1"),
        ("link", "#1f5385", "#8fbdf0"), ("seal", "#2a5d8f", "#5b93cc"), ("ribbon", "#8fb3d9", "#2f5478"),
        ("ready", "#2d7a4d", "#63c18c"), ("underWay", "#2261a1", "#7fb4ee"), ("late", "#8f5b00", "#e2b252"),
        ("heldUp", "#b3261e", "#ff8d83"), ("expired", "#7a2a6d", "#dd9ad2"), ("renewals", "#8a8f96", "#6f7780"),
    ]

    static let sheet: String = {
        let light = colours.map { "--\($0.name): \($0.light);" }.joined(separator: " ")
        let dark = colours.map { "--\($0.name): \($0.dark);" }.joined(separator: " ")
        let states = Standing.allCases.map { ".s-\($0.rawValue) { color: var(--\($0.rawValue)); }" }
        return """
            :root { color-scheme: light dark; \(light) }
            @media (prefers-color-scheme: dark) { :root { \(dark) } }
            \(rules)
            \(states.joined(separator: "\n"))

            """
    }()

    private static let rules = """
        * { box-sizing: border-box; }
        html { font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "Liberation Sans", "DejaVu Sans", sans-serif;
          background: var(--paper); color: var(--text); -webkit-text-size-adjust: 100%; }
        body { margin: 0; font-variant-numeric: tabular-nums; }
        .wide { max-width: 76rem; margin: 0 auto; padding: 0 1.5rem; }
        .hidden { position: absolute; }
        .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
        a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: 0.18em; }
        a:hover { text-decoration-thickness: 2px; }
        :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
        .skip { position: absolute; left: -999rem; }
        .skip:focus { left: 1rem; top: 1rem; background: var(--surface); padding: 0.5rem 1rem; z-index: 1; }
        .top { background: var(--surface); border-bottom: 1px solid var(--line); }
        .top .wide { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 2rem; padding-top: 0.7rem;
          padding-bottom: 0.7rem; }
        .brand { display: flex; align-items: center; gap: 0.5rem; color: var(--text); font-weight: 650;
          text-decoration: none; letter-spacing: 0.01em; }
        .brand svg { width: 1.6rem; height: 1.6rem; }
        .seal { fill: var(--seal); } .ribbon { fill: var(--ribbon); } .seal + .tick { stroke: #fff; }
        .top ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.4rem; list-style: none; margin: 0; padding: 0; }
        .top li a { color: var(--faint); text-decoration: none; padding: 0.3rem 0; border-bottom: 2px solid transparent; }
        .top li a:hover { color: var(--text); }
        .top li a[aria-current] { color: var(--text); border-bottom-color: var(--seal); font-weight: 600; }
        .top form { margin-left: auto; display: flex; align-items: center; gap: 0.5rem; font-size: 0.875rem; }
        .top label { color: var(--faint); }
        input, button { font: inherit; color: var(--text); background: var(--paper); border: 1px solid var(--faint);
          border-radius: 6px; padding: 0.3rem 0.6rem; }
        input { width: 13rem; } input::placeholder { color: var(--faint); opacity: 1; }
        button { cursor: pointer; }
        main { padding-top: 2rem !important; padding-bottom: 2rem !important; }
        h1 { font-size: 1.75rem; line-height: 1.25; font-weight: 600; letter-spacing: -0.01em; margin: 0 0 1.2rem;
          overflow-wrap: anywhere; }
        h1 .standing { font-size: 1rem; margin-left: 0.6rem; vertical-align: 0.2em; letter-spacing: 0; }
        h2 { font-size: 1.125rem; font-weight: 600; margin: 0 0 0.6rem; }
        section { background: var(--surface); border: 1px solid var(--line); border-radius: 10px;
          padding: 1.2rem 1.4rem 1.3rem; margin: 0 0 1.4rem; }
        p { margin: 0 0 0.6rem; } p:last-child { margin-bottom: 0; }
        .lead { color: var(--faint); max-width: 46rem; }
        .faint { color: var(--faint); }
        .note { border-left: 4px solid var(--late); background: var(--surface); padding: 0.6rem 1rem; }
        .crumbs { color: var(--faint); font-size: 0.875rem; margin-bottom: 0.2rem; }
        .sign { width: 0.95em; height: 0.95em; vertical-align: -0.1em; margin-right: 0.45em; flex: none; }
        .cut { stroke: var(--surface); } .gap { fill: var(--surface); }
        .standing { white-space: nowrap; font-weight: 550; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 0.8rem; list-style: none;
          margin: 0 0 1.4rem; padding: 0; }
        .tile a { display: block; background: var(--surface); border: 1px solid var(--line); border-radius: 10px;
          padding: 0.8rem 1.1rem; text-decoration: none; color: var(--text); }
        .tile a:hover { border-color: var(--faint); }
        .tile .number { display: flex; align-items: center; font-size: 1.6rem; line-height: 1.3; font-weight: 600; }
        .tile .sign { width: 0.7em; height: 0.7em; }
        .tile .word { color: var(--faint); font-size: 0.875rem; }
        .tile.none .number { color: var(--faint); font-weight: 400; }
        .picture { margin: 0.8rem 0 0.4rem; overflow-x: auto; }
        .timeline { display: block; width: 100%; min-width: 44rem; height: auto; }
        .timeline text { font-size: 11px; fill: var(--text); }
        .timeline .value, .timeline .date { text-anchor: middle; }
        .timeline .date, .timeline .hint { fill: var(--faint); } .timeline .end { text-anchor: end; }
        .axis { stroke: var(--faint); } .timeline .tick { stroke: var(--line); }
        .now { stroke: var(--text); stroke-width: 1.4; } .renewals { fill: var(--track);
          stroke: var(--renewals); stroke-width: 1; }
        .lifetime { display: block; width: 10rem; height: 1rem; } .track { fill: var(--track); }
        .picture .lifetime { width: 100%; max-width: 40rem; height: auto; }
        .lifetime .renewal { stroke: var(--surface); stroke-width: 2; } .lifetime .now { stroke-width: 1.2; }
        .meter { width: 7.5rem; height: 0.625rem; margin-right: 0.5rem; }
        .scroll { overflow-x: auto; margin: 0 -0.4rem; padding: 0 0.4rem; }
        table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
        caption { text-align: left; color: var(--faint); font-size: 0.8125rem; padding: 0 0 0.5rem; }
        th, td { text-align: left; vertical-align: top; padding: 0.55rem 1.2rem 0.55rem 0; font-weight: 400;
          border-top: 1px solid var(--line); }
        th:last-child, td:last-child { padding-right: 0; }
        thead th { color: var(--faint); font-size: 0.8125rem; border-top: 0; padding-top: 0; white-space: nowrap; }
        tbody th { overflow-wrap: anywhere; min-width: 9rem; }
        .number { font-variant-numeric: tabular-nums; } th.number, td.number { text-align: right; }
        .names .name { display: block; overflow-wrap: anywhere; }
        time { white-space: nowrap; } .date { display: block; color: var(--faint); font-size: 0.8125rem; }
        .wait { min-width: 20rem; max-width: 46rem; overflow-wrap: anywhere; }
        code { font: 0.875em/1.5 ui-monospace, "SFMono-Regular", "Liberation Mono", "DejaVu Sans Mono", monospace;
          background: var(--paper); border: 1px solid var(--line); border-radius: 4px; padding: 0.05em 0.35em;
          overflow-wrap: anywhere; }
        .mend .label { color: var(--faint); font-size: 0.8125rem; margin-right: 0.3rem; }
        .more, .pager { margin: 0.9rem 0 0; font-size: 0.9rem; } .pager a { margin: 0 0.6rem; }
        .steps { display: flex; flex-wrap: wrap; gap: 0.3rem 1.3rem; list-style: none; margin: 0 0 0.35rem; padding: 0;
          font-size: 0.8125rem; color: var(--faint); }
        .steps li { position: relative; } .steps li + li::before { content: "›"; position: absolute; left: -0.85rem; }
        .steps .done::after { content: " ✓"; } .steps .current { color: var(--text); font-weight: 650; }
        .filters { display: flex; flex-wrap: wrap; gap: 0.5rem; list-style: none; margin: 0 0 1.2rem; padding: 0;
          font-size: 0.875rem; }
        .filters a { display: block; border: 1px solid var(--line); background: var(--surface); border-radius: 99px;
          padding: 0.2rem 0.8rem; text-decoration: none; color: var(--text); }
        .filters a[aria-current] { border-color: var(--text); box-shadow: inset 0 0 0 1px var(--text); }
        main > .scroll { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; margin: 0;
          padding: 1rem 1.4rem; }
        details summary { cursor: pointer; } .legend, section > details { font-size: 0.875rem; margin-top: 0.5rem; }
        summary { color: var(--link); } .legend ul { list-style: none; padding: 0; margin: 0.5rem 0 0; }
        .legend .standing { display: inline-block; min-width: 9rem; }
        .answer { background: var(--surface); border: 1px solid var(--line); border-left: 5px solid currentColor;
          border-radius: 10px; padding: 1.1rem 1.4rem; margin: 0 0 1.4rem; }
        .answer > * { color: var(--text); } .answer h2 { overflow-wrap: anywhere; }
        dl { margin: 0; display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.25rem 1.4rem;
          font-size: 0.9rem; }
        dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; } dd ul { margin: 0; padding-left: 1.1rem; }
        dd .name { display: inline-block; margin-right: 0.8rem; }
        .tree, .tree ul { list-style: none; margin: 0; padding: 0; font-size: 0.9rem; }
        .tree ul { border-left: 2px solid var(--line); margin: 0.4rem 0 0.4rem 0.35rem; padding-left: 1.2rem; }
        .tree .node { padding: 0.25rem 0; } .tree summary { color: var(--text); overflow-wrap: anywhere; }
        .tree dl { margin: 0.3rem 0 0.4rem 1.1rem; font-size: 0.85rem; } .kind { color: var(--faint); }
        .mood { font-weight: 600; } .mood.m-plain { font-weight: 400; color: var(--faint); }
        .m-good { color: var(--ready); } .m-waiting { color: var(--underWay); } .m-bad { color: var(--heldUp); }
        dd.m-good { color: var(--text); } dd.m-waiting { color: var(--text); }
        footer { color: var(--faint); font-size: 0.8125rem; padding-bottom: 2rem !important; }
        @media (max-width: 40rem) { .wide { padding: 0 1rem; } .top form { margin-left: 0; } section { padding: 1rem; } }
        @media print { .top form, .skip { display: none; } section { break-inside: avoid; } }
        """
}
