from datetime import datetime

from sqlalchemy import Index, func
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

from kit.database import MOMENT


class Base(MappedAsDataclass, DeclarativeBase):
    """The base of this service's tables: other services have tables with the same names."""


class Account(Base):
    """Somebody who signs in."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(MOMENT)
    role: Mapped[str] = mapped_column(default="customer")
    version: Mapped[int] = mapped_column(default=0, server_default="0")

    def as_json(self):
        return {"id": self.id, "email": self.email, "name": self.name}


class EndedSession(Base):
    """A session that somebody has signed out of, kept until its token expires."""

    __tablename__ = "ended_sessions"

    sid: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(MOMENT, index=True)
    version: Mapped[int] = mapped_column(default=0, server_default="0")


Index("accounts_email", func.lower(Account.email), unique=True)
