"""Evidence -> the shares of each country, with the reason of every move."""

from pipeline.routing.router import Router

__all__ = ["Router"]
