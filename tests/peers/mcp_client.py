# A plain MCP client without OAuth of its own: calls tools for some seconds, and says what it got.
#   mcp_client.py LIBRARY URL KEY_FILE SECONDS     LIBRARY: fastmcp or mcp
import asyncio
import json
import os
import pathlib
import sys
import time

library, url, key_file, seconds = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
headers = {"Authorization": f"Bearer {pathlib.Path(key_file).read_text().strip()}"}


async def with_fastmcp(report):
    from fastmcp import Client
    from fastmcp.client.transports import StreamableHttpTransport

    steps, told, name = [], [], f"fastmcp {os.getpid()}"

    async with Client(StreamableHttpTransport(url, headers=headers)) as client:
        # The server goes on only when it is told that an event has arrived.
        async def progress(done, total, message):
            steps.append(done)
            told.append(asyncio.create_task(client.call_tool("saw", {"paced": name})))

        report["tools"] = sorted(tool.name for tool in await client.list_tools())
        await client.call_tool("count", {"to": 3, "paced": name}, progress_handler=progress)
        await asyncio.gather(*told)
        report["progress"] = steps
        until = time.monotonic() + seconds
        while True:
            report["sum"] = (await client.call_tool("add", {"a": 2, "b": 3})).data
            report["calls"] += 1
            if time.monotonic() > until:
                break
            await asyncio.sleep(0.25)


async def with_mcp(report):
    import httpx2
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        async with streamable_http_client(url, http_client=http) as streams:
            async with ClientSession(streams[0], streams[1]) as session:
                await session.initialize()
                report["tools"] = sorted(tool.name for tool in (await session.list_tools()).tools)
                until = time.monotonic() + seconds
                while True:
                    result = await session.call_tool("add", {"a": 2, "b": 3})
                    report["sum"] = int(result.content[0].text)
                    report["calls"] += 1
                    if time.monotonic() > until:
                        break
                    await asyncio.sleep(0.25)


report = {"calls": 0}
try:
    asyncio.run({"fastmcp": with_fastmcp, "mcp": with_mcp}[library](report))
except BaseException as error:
    parts = [error]
    while isinstance(parts[0], BaseExceptionGroup):
        parts = list(parts[0].exceptions)
    report["error"] = "; ".join(f"{type(part).__name__}: {part}" for part in parts)
print(json.dumps(report))
