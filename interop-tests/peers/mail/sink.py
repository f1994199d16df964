"""A mail server that takes messages and tells of them: one line of JSON for each.

Prints a line first. With `--busy N` the first N messages are put off (451); those to
nobody@… are refused for good (550).
"""

import argparse
import json
import sys

from aiosmtpd.controller import Controller


class Sink:
    def __init__(self, busy):
        self.busy = busy

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.busy > 0:
            self.busy -= 1
            return "451 4.3.2 try again later"
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode("utf-8", "replace"),
        }
        print(json.dumps(told), flush=True)
        return "250 OK"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    controller = Controller(Sink(arguments.busy), hostname="127.0.0.1", port=arguments.port)
    controller.start()
    print(json.dumps({"port": arguments.port}), flush=True)
    # Ends with whoever started it.
    sys.stdin.read()
    controller.stop()


if __name__ == "__main__":
    main()
