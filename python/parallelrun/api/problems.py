"""Errors as RFC 9457 problem documents: made in this one place."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from parallelrun.config import BadConfigError
from parallelrun.config.active import BadRuleError
from parallelrun.config.rewrite import RewriteError
from parallelrun.evidence import StoreError, StoreTooNewError

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """An error (RFC 9457). `detail` is one or two sentences for people."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer that says so."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(body.model_dump(), status, headers, MEDIA_TYPE)


def responses(*statuses: int) -> dict[int | str, dict[str, object]]:
    """For the OpenAPI description: these statuses come as problem documents."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: schema}, "model": Problem}
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Turns every error of the application into a problem document."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(BadRuleError, _wrong)
    app.add_exception_handler(BadConfigError, _wrong)
    app.add_exception_handler(RewriteError, _conflict)
    app.add_exception_handler(StoreError, _store)
    app.add_exception_handler(StoreTooNewError, _store)
    app.add_exception_handler(Exception, _bug)


def _http(_: Request, error: Any) -> JSONResponse:
    found: HTTPException = error
    return problem(found.status_code, found.detail, dict(found.headers or {}))


def _invalid(_: Request, error: Any) -> JSONResponse:
    wrong = (f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors())
    return problem(422, "; ".join(wrong))


def _wrong(_: Request, error: Exception) -> JSONResponse:
    return problem(422, str(error))


def _conflict(_: Request, error: Exception) -> JSONResponse:
    return problem(409, str(error))


def _store(_: Request, error: Exception) -> JSONResponse:
    return problem(503, f"The store does not answer: {error}", {"retry-after": "5"})


def _bug(_: Request, error: Exception) -> JSONResponse:
    return problem(500, f"{type(error).__name__}. The log tells more.")
