"""May this be sent, may this be entered: what is asked before a code is promised."""
