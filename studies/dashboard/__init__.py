"""The live page over a study: reads records and `graph.json` files, never writes or locks.

`watching` reads what is new of a study; `wish` is what the address asks for. Figures and texts are the report's
(`studies.report`), what only a live page has is beside it: `explorer` (any two columns), `space` (three), `linked`
(brush and table), `beside` (two or three networks), `overlaid` (studies). `layout` is the page, `steering` turns clicks
into addresses, `answers` addresses into what is shown; `guarding` says who may ask, `serving` runs it.
"""
