"""The admin API over HTTP: what is known, as JSON, metrics and a stream of events. `app.create_app` makes the
application.
"""
