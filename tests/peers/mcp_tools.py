# Lists the tools of an MCP server and calls each, without any OAuth.
#   mcp_tools.py URL KEY_FILE
import asyncio
import pathlib
import sys

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

url, key_file = sys.argv[1:]


async def main():
    headers = {"Authorization": f"Bearer {pathlib.Path(key_file).read_text().strip()}"}
    async with Client(StreamableHttpTransport(url, headers=headers)) as client:
        for tool in await client.list_tools():
            await client.call_tool(tool.name, {})


asyncio.run(main())
