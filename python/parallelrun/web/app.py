"""The admin API with its page: `/` shows the report as it is now."""

import asyncio

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from parallelrun.api import rollout, rules, views
from parallelrun.api.app import MOST_DIFFERENCES
from parallelrun.api.app import create_app as create_api
from parallelrun.api.engine import Engine
from parallelrun.api.status import status
from parallelrun.web.page import page
from parallelrun.web.report import build, wanted_pairs

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def create_app(engine: Engine) -> FastAPI:
    """The application over a running engine."""
    app = create_api(engine)

    @app.get("/", include_in_schema=False)
    async def report() -> HTMLResponse:
        """The report as a page."""
        differences = views.differences(engine, limit=MOST_DIFFERENCES).items
        made = build(
            status=await status(engine),
            ledger=views.ledger(engine),
            endpoints=views.endpoints(engine),
            differences=differences,
            rules=rules.rules(engine),
            rollout=rollout.rollout(engine),
            pairs=await views.pairs(engine, wanted_pairs(differences)),
        )
        return HTMLResponse(await asyncio.to_thread(page, made), headers=HEADERS)

    return app
