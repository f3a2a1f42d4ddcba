"""Takes the power from an ext4 file system: what it has not written is gone.

Waits for a line, so that the moment is the test's and not that of Python's
start. Beside the test because an ioctl needs unsafe code in Rust.
"""

import fcntl
import os
import struct
import sys

# <linux/ext4.h>: _IOR('X', 125, __u32).
EXT4_IOC_SHUTDOWN = 0x8004587D
# Not even the journal is written: what a power cut leaves.
EXT4_GOING_FLAGS_NOLOGFLUSH = 2

sys.stdin.readline()
root = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
fcntl.ioctl(root, EXT4_IOC_SHUTDOWN, struct.pack("I", EXT4_GOING_FLAGS_NOLOGFLUSH))
