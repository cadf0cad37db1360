"""An incident and the records around it -> a postmortem, its chart, and a fact sheet for the provider."""
