"""An unmodified amqtt broker with its HTTP plugins as a program: ``python amqtt_broker.py PORT PLUGINS.json``.

Its own program reads YAML, in which the choices of these plugins (post, json) cannot be written.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from amqtt.broker import Broker  # type: ignore[import-untyped] # it ships no types
from amqtt.contrib.http import ParamsMode, RequestMethod, ResponseMode  # type: ignore[import-untyped] # same


async def main(port: int, plugins: dict[str, dict[str, object]]) -> None:
    """Serve until killed."""
    chosen = {
        "request_method": RequestMethod.POST,
        "params_mode": ParamsMode.JSON,
        "response_mode": ResponseMode.JSON,
    }
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {name: {**settings, **chosen} for name, settings in plugins.items()},
        }
    )
    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())))
