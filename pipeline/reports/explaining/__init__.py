"""Why a request went the way it went, and why the shares of a country are what they are."""

from pipeline.reports.explaining.country import CountryStory, explain_country
from pipeline.reports.explaining.request import Known, RequestStory, explain_request

__all__ = ["CountryStory", "Known", "RequestStory", "explain_country", "explain_request"]
