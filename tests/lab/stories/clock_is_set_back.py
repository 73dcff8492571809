"""The clock is set back by years, and forth: ages and blocks go on, dates follow."""

import os
import subprocess

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>
#include <stdlib.h>
int clock_gettime(clockid_t id, struct timespec *t) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, t);
    long long offset = 0;
    FILE *file = id == CLOCK_REALTIME ? fopen(getenv("CLOCK_OFFSET"), "r") : NULL;
    if (file) { if (fscanf(file, "%lld", &offset) != 1) offset = 0; fclose(file); t->tv_sec += offset; }
    return result;
}
"""


def story(lab):
    shim, offset = f"{lab.folder}/shim.so", f"{lab.folder}/offset"
    subprocess.run(["cc", "-shared", "-fPIC", "-xc", "-", "-o", shim, "-ldl"], input=SHIM, text=True, check=True)
    open(offset, "w").write("0")
    bulb, _ = lab.devices
    lab.start(
        "list block_on direct-ip\noption default_mode guard\noption block_for 1m",
        env={"LD_PRELOAD": shim, "CLOCK_OFFSET": offset},
    )
    bulb.lookup("nobody.example")
    bulb.reaches("45.10.9.9")
    lab.until(lambda: lab.blocks() == [(101, "45.10.9.9")], "it is blocked")
    for years in (-20, 5):
        with open(offset + ".new", "w") as file:
            file.write(str(years * 365 * 86400))
        os.rename(offset + ".new", offset)
        address = f"45.10.9.{30 + years}"
        assert not bulb.reaches("45.10.9.9"), "the block holds, whatever the date"
        bulb.reaches(address)
        lab.until(lambda: (101, address) in lab.blocks(), "leash goes on")
        complaints = str(lab.leash("doctor"))
        assert ("the clock is not set" in complaints) == (years < 0), complaints
    assert lab.blocks()[0] == (101, "45.10.9.10") and (101, "45.10.9.9") in lab.blocks()
