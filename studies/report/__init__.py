"""The report: one page in which a person chooses a network. Reads stored files only, writes nothing into a study.

`rows` reads the record; each figure is one file that makes plain data first and a plotly figure of that
(`progress`, `tradeoff`, `details`, `effects`, `agreement`, `parallel`); `failures` and `listing` are tables;
`sections` and `trial_sections` make HTML of them, `page` the whole.
"""

from studies.report.page import page_of
from studies.report.rows import Study, read_study
from studies.report.writing import write_report

__all__ = ["Study", "page_of", "read_study", "write_report"]
