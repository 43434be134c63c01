"""The report: built from what the API says, drawn as one page of HTML. Other forms of it are in `cli`."""
