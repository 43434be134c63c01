"""The ASGI application of the admin API."""

from typing import Annotated

from fastapi import FastAPI, Path, Query
from fastapi.responses import Response, StreamingResponse
from starlette.exceptions import HTTPException

from parallelrun.api import metrics, models, problems, rollout, rule_changes, rules, status, stream, trial, views
from parallelrun.api.engine import Engine
from parallelrun.api.guard import Guard
from parallelrun.config.active import RuleSpec
from parallelrun.config.rules import RuleKind
from parallelrun.evidence.status import Status as DifferenceStatus
from parallelrun.rollout import Command, RefusedError

MOST_DIFFERENCES = 10_000


def create_app(engine: Engine) -> FastAPI:
    """The application over a running engine, which is read only as requests come."""
    app = FastAPI(
        title="parallelrun",
        summary="What the old and the new version answered, and where they differ.",
        version=engine.version,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=problems.responses(401, 403),
    )
    problems.install(app)
    app.add_middleware(Guard, engine=engine)
    _probes(app, engine)
    _reads(app, engine)
    _changes(app, engine)
    return app


def _probes(app: FastAPI, engine: Engine) -> None:
    numbers = metrics.Metrics(
        engine.collector.refresh,
        lambda: engine.collector.lost,
        engine.alerts.status,
        lambda: engine.rollout.state.shown,
    )

    @app.get("/healthz", tags=["probes"])
    async def healthz() -> dict[str, str]:
        """The process lives."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["probes"], responses=problems.responses(503))
    async def readyz() -> dict[str, str]:
        """New connections are welcome. 503 while it drains."""
        if engine.draining:
            raise HTTPException(503, "It is draining: requests under way finish, new connections are not taken.")
        return {"status": "ok"}

    @app.get("/metrics", tags=["probes"], response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def prometheus() -> Response:
        """For Prometheus, in its text format."""
        return Response(numbers.text(), media_type=metrics.MEDIA_TYPE)


def _reads(app: FastAPI, engine: Engine) -> None:
    @app.get("/api/v1/status", tags=["evidence"])
    async def get_status() -> status.Status:
        """The process: its sides, its store, its limits, its configuration."""
        return await status.status(engine)

    @app.get("/api/v1/ledger", tags=["evidence"])
    async def ledger() -> models.Ledger:
        """Every request by exactly one outcome."""
        return views.ledger(engine)

    @app.get("/api/v1/endpoints", tags=["evidence"])
    async def endpoints() -> models.Endpoints:
        """The ledger, the mismatch rate and the latencies of each endpoint."""
        return views.endpoints(engine)

    @app.get("/api/v1/differences", tags=["evidence"], responses=problems.responses(422))
    async def differences(
        endpoint: Annotated[str | None, Query(description="Only of this endpoint, such as `GET /orders/{id}`.")] = None,
        only: Annotated[DifferenceStatus | None, Query(alias="status", description="Only with this status.")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_DIFFERENCES, description="At most so many.")] = 1000,
    ) -> models.Differences:
        """Where the answers differ, the most important first."""
        return views.differences(engine, endpoint=endpoint, status=only, limit=limit)

    @app.get("/api/v1/pairs/{id}", tags=["evidence"], responses=problems.responses(404, 422, 503))
    async def pair(
        name: Annotated[str, Path(alias="id", min_length=1, max_length=64, description="As in `pair_id`.")],
    ) -> models.Pair:
        """One request with both answers."""
        found = await views.pair(engine, name)
        if found is None:
            raise HTTPException(
                404, "There is no pair of that id. It may have been let go of since: `limits.pairs_kept`."
            )
        return found

    @app.get("/api/v1/rules", tags=["rules"])
    async def get_rules() -> rules.Rules:
        """The rules of the comparison."""
        return rules.rules(engine)

    @app.get("/api/v1/rules/try", tags=["rules"], responses=problems.responses(422, 503))
    async def try_rule(
        *,
        kind: Annotated[RuleKind, Query(description="The list it would stand in.")],
        at: Annotated[str, Query(description="Where: a location.")],
        route: Annotated[str | None, Query(description="The `match` of its route; without it, everywhere.")] = None,
        by: Annotated[str | None, Query(description="Of `unordered`.")] = None,
        absolute: Annotated[float | None, Query(description="Of `tolerance`.", allow_inf_nan=False)] = None,
        relative: Annotated[str | None, Query(description="Of `tolerance`, such as `0.1%`.")] = None,
        pattern: Annotated[str | None, Query(description="Of `equivalent`.")] = None,
        replacement: Annotated[str | None, Query(description="Of `equivalent`.")] = None,
    ) -> trial.Trial:
        """What a rule would change among the stored pairs."""
        given: RuleSpec = {"at": at, "by": by, "absolute": absolute, "relative": relative}
        given |= {"pattern": pattern, "replacement": replacement}
        settings: RuleSpec = {name: value for name, value in given.items() if value is not None}
        return await trial.trial(engine, trial.Candidate.read(kind, route, settings))

    @app.get("/api/v1/rollout", tags=["rollout"])
    async def get_rollout() -> rollout.Rollout:
        """Where the rollout stands."""
        return rollout.rollout(engine)

    @app.get(
        "/api/v1/rollout/journal",
        tags=["rollout"],
        response_class=StreamingResponse,
        responses={200: {"content": {"application/jsonl": {}}}, **problems.responses(503)},
    )
    async def rollout_journal() -> Response:
        """Each look of the judge with its verdict, one JSON object a line: `parallelrun judge --replay` reads it."""
        return StreamingResponse(await rollout.journal(engine), media_type="application/jsonl")

    @app.get(
        "/api/v1/events",
        tags=["evidence"],
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}, **problems.responses(503)},
    )
    async def events() -> Response:
        """What happens from now on, as server-sent events."""
        if engine.events.listeners >= stream.LISTENERS:
            return problems.problem(503, f"{stream.LISTENERS} streams are open already.", {"retry-after": "30"})
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(stream.stream(engine.events), media_type="text/event-stream", headers=headers)


def _changes(app: FastAPI, engine: Engine) -> None:
    @app.post("/api/v1/rollout/{command}", tags=["rollout"], responses=problems.responses(404, 409, 422, 503))
    async def ask_rollout(
        command: Annotated[Command, Path(description="What to do.")], wish: rollout.Wish | None = None
    ) -> rollout.Answer:
        """Does what a person asks of the rollout; answers where it stands then."""
        if wish and wish.epoch is not None and command != "advance":
            raise HTTPException(422, "Only `advance` takes an `epoch`.")
        try:
            return await rollout.ask(engine, command, wish)
        except RefusedError as refused:
            raise HTTPException(409, str(refused)) from None

    @app.post("/api/v1/rules", tags=["rules"], status_code=201, responses=problems.responses(409, 422))
    async def add_rule(new: rule_changes.NewRule) -> rules.Rule:
        """Writes a rule into the configuration file and puts it in force."""
        return await rule_changes.add(engine, new)

    @app.delete("/api/v1/rules", tags=["rules"], responses=problems.responses(404, 409, 422))
    async def remove_rule(
        name: Annotated[str, Query(alias="id", min_length=1, max_length=64, description="Of the rule.")],
    ) -> rules.Rules:
        """Takes a rule out of the configuration file and out of force; answers what is gone."""
        try:
            return await rule_changes.take_out(engine, name)
        except rule_changes.NoSuchRuleError:
            raise HTTPException(404, "There is no rule of that id.") from None
