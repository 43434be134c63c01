"""A real SMTP server on loopback that keeps what it is sent."""

import asyncio
import email
import email.policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support import background

USER, PASSWORD = "pager", "hunter2"


class MailServer:
    """Takes mail only from who knows the password."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.refusing = False
        """Refuses mail once it is there, for a while as a full mailbox would."""
        self._server = background.run(self._listen())
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        """The Apprise URL that gets mail here."""
        address = f"{USER}:{PASSWORD}@127.0.0.1:{self.port}"
        return f"mailto://{address}/?from=parallelrun@example.org&to=ops@example.org&mode=insecure"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if not session.authenticated:
            return "530 who are you?"
        if self.refusing:
            return "452 the mailbox is full"
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.recipients += envelope.rcpt_tos
        self.messages.append(message)
        return "250 taken"

    def close(self) -> None:
        background.run(self._close())

    async def _listen(self) -> asyncio.Server:
        def session() -> SMTP:
            return SMTP(self, authenticator=self._authenticate, auth_require_tls=False)

        return await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)

    async def _close(self) -> None:
        self._server.close()

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=known)
