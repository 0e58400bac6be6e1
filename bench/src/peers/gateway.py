"""The gateway that the package brings along, until somebody ends it; the file `address` says where it listens."""

import os
import time

from tensorzero import tensorzero

gateway = tensorzero._start_http_gateway(
    config_file="tensorzero.toml", clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False
)
with open("address.part", "w") as file:
    file.write(gateway.base_url)
os.rename("address.part", "address")
while True:
    time.sleep(3600)
