"""`marsad serve`: the extractor behind HTTP. Needs the extra `serve`; nothing else imports it."""
