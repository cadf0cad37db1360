"""Why a request went the way it went, and why the shares of a country are what they are."""

from pipeline.reports.explaining.country import CountryStory, explain_country
from pipeline.reports.explaining.request import RequestRecords, RequestStory, explain_request

__all__ = ["CountryStory", "RequestRecords", "RequestStory", "explain_country", "explain_request"]
