"""A program that computes the keys of the nodes in nodes.py: ``key_tool.py --secret SECRET SEED LEVEL``."""

import sys

from nodes import key

if __name__ == "__main__":
    seed, level = sys.argv[-2:]
    print(key(bytes.fromhex(seed), int(level, 0)).hex())
