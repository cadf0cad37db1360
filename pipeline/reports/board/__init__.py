"""What operators see: evidence, tables and incidents, put into rows and points."""

from pipeline.reports.board.history import History, Point
from pipeline.reports.board.rows import CountryRow, RouteRow, Version, country_row, versions
from pipeline.reports.board.top import Top, Totals

__all__ = ["CountryRow", "History", "Point", "RouteRow", "Top", "Totals", "Version", "country_row", "versions"]
