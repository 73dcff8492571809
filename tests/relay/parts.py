"""The parts that tests/relay/record puts into the namespaces of the lab, each a process of its own: `parts.py ROLE JSON`.

A role is a function of this file and the JSON its arguments. On the Internet's side: web servers, masters with their
latency, peers of calls, a tracker, and the customers of the relays. In the house: the relay of an SDK, and whatever an
ordinary device does.
"""
import asyncio, itertools, json, os, random, socket, ssl, struct, subprocess, sys, threading, time
from urllib.parse import parse_qs, urlsplit

BLOCK = os.urandom(65536)
# Programs that speak TLS differently: what curl is told. `python` is Python's own client.
STACKS = {"curl": [], "tls12": ["--tls-max", "1.2"], "http11": ["--http1.1"], "no-alpn": ["--no-alpn"],
          "one-curve": ["--curves", "X25519"], "python": None,
          "two-ciphers": ["--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"],
          "chacha": ["--tls13-ciphers", "TLS_CHACHA20_POLY1305_SHA256"]}


def trusting():
    """A TLS client that believes every certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def blocks(size, rate=0):
    """So many bytes, at so many a second (0: at once)."""
    begin, sent = time.monotonic(), 0
    step = min(len(BLOCK), max(200, int(rate / 4))) if rate else len(BLOCK)
    while sent < size:
        yield BLOCK[:min(step, size - sent)]
        sent += step
        if rate:
            time.sleep(max(0, begin + sent / rate - time.monotonic()))


def threads(work, jobs):
    """Does all at once, and waits."""
    running = [threading.Thread(target=work, args=job, daemon=True) for job in jobs]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


# --- the Internet

def web(port, cert=None, address=""):
    """HTTP (with a certificate: HTTPS): `GET /N?rate=R` gives N bytes, PUT and POST are swallowed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if cert else None
    if cert:
        context.load_cert_chain(cert)
        context.set_alpn_protocols(["http/1.1"])

    def serve(s):
        try:
            s.settimeout(120)
            s = context.wrap_socket(s, server_side=True) if context else s
            with s, s.makefile("rb") as lines:
                while line := lines.readline():
                    method, path, _ = line.decode("latin1").split()
                    heads = dict(line.lower().split(b": ", 1) for line in iter(lambda: lines.readline().strip(), b""))
                    if heads.get(b"expect"):
                        s.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                    left = int(heads.get(b"content-length", 0))
                    while left:
                        left -= len(lines.read(min(left, 16384))) or left
                    while heads.get(b"transfer-encoding") and (size := int(lines.readline(), 16)):
                        lines.read(size), lines.readline()
                    if heads.get(b"transfer-encoding"):
                        lines.readline()
                    at = urlsplit(path)
                    size = int(at.path.strip("/") or 0) if method == "GET" else 2
                    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
                    for block in blocks(size, float(parse_qs(at.query).get("rate", [0])[0])):
                        s.sendall(block)
                    if heads.get(b"connection") == b"close":
                        return
        except (OSError, ValueError):
            s.close()

    listener = socket.create_server((address, port), backlog=512, reuse_port=True)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


async def pump(reader, writer, wait=0.0):
    """Hands on what it reads, so much later."""
    queue = asyncio.Queue(256)

    async def write():
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0, due - time.monotonic()))
            if not data:
                return writer.write_eof()
            writer.write(data)
            await writer.drain()
    task = asyncio.create_task(write())
    try:
        while data := await reader.read(32768):
            await queue.put((time.monotonic() + wait, data))
            if task.done():
                return
    finally:
        await queue.put((time.monotonic() + wait, b""))
        await task


async def splice(a, b, wait=0.0):
    """Joins two connections, each a (reader, writer)."""
    try:
        await asyncio.gather(pump(a[0], b[1], wait), pump(b[0], a[1], wait), return_exceptions=True)
    finally:
        a[1].close(), b[1].close()


def delay(fronts):
    """Fronts of the masters, which make the latency: what comes in at (address, port) goes to a port of this host, and back,
    so many ms later each way. (The lab's kernel has no netem.)"""
    async def run():
        for address, port, to, ms in fronts:
            async def taken(reader, writer, to=to, ms=ms):
                try:
                    await splice((reader, writer), await asyncio.open_connection("127.0.0.1", to), ms / 1000)
                except OSError:
                    writer.close()
            await asyncio.start_server(taken, address, port, reuse_port=True, backlog=256)
        await asyncio.Event().wait()
    asyncio.run(run())


def sdk_master(ports):
    """Masters of SDK relays: (control port, SOCKS port) each. A SOCKS customer becomes one new connection of the device."""
    async def run():
        for port, socks in ports:
            control, waiting, numbers = [], {}, itertools.count()

            async def device(reader, writer, control=control, waiting=waiting):
                word = (await reader.readline()).split()
                if word[:1] == [b"hello"]:
                    control[:] = [writer]
                elif word and int(word[1]) in waiting:
                    waiting.pop(int(word[1])).set_result((reader, writer))

            async def customer(reader, writer, control=control, waiting=waiting, numbers=numbers):
                try:
                    await reader.readexactly((await reader.readexactly(2))[1])
                    writer.write(b"\5\0")
                    kind = (await reader.readexactly(4))[3]
                    host = socket.inet_ntoa(await reader.readexactly(4)) if kind == 1 else (
                        await reader.readexactly((await reader.readexactly(1))[0])).decode()
                    port = int.from_bytes(await reader.readexactly(2), "big")
                    number = next(numbers)
                    waiting[number] = asyncio.get_running_loop().create_future()
                    control[0].write(b"open %d\n" % number)
                    back = await asyncio.wait_for(waiting[number], 10)
                    back[1].write(f"{host} {port}\n".encode())
                    assert await asyncio.wait_for(back[0].readline(), 10) == b"ok\n"
                    writer.write(b"\5\0\0\1" + bytes(6))
                    await splice((reader, writer), back)
                except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, AssertionError, IndexError):
                    writer.close()
            await asyncio.start_server(device, "127.0.0.1", port)
            await asyncio.start_server(customer, "127.0.0.1", socks)
        await asyncio.Event().wait()
    asyncio.run(run())


def peers(all_):
    """Peers of calls and games: (address, port, packets a second, least and most bytes). Each sends to whom it last heard."""
    def peer(address, port, per_second, least, most):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((address, port))
        heard = [None, 0.0]

        def listen():
            while True:
                heard[0] = s.recvfrom(2000)[1]
                heard[1] = time.monotonic()
        threading.Thread(target=listen, daemon=True).start()
        while True:
            time.sleep(1 / per_second)
            if heard[1] + 2 > time.monotonic():
                s.sendto(BLOCK[:random.randint(least, most)], heard[0])
    threads(peer, all_)


def tracker(address, port):
    """Tells BitTorrent clients of each other (BEP 3, BEP 23)."""
    known = {}
    listener = socket.create_server((address, port), backlog=64)
    while True:
        s, (ip, _) = listener.accept()
        with s:
            s.settimeout(2)
            try:
                asked = parse_qs(urlsplit(s.recv(4096).split()[1].decode("latin1")).query)
                known[ip] = int(asked["port"][0])
                found = b"".join(socket.inet_aton(a) + struct.pack(">H", p) for a, p in known.items() if a != ip)
                body = b"d8:intervali30e12:min intervali10e5:peers%d:%se" % (len(found), found)
                s.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            except (OSError, KeyError, IndexError):
                pass


def sizes_of(mix, rng):
    """Bytes of a request, and whether it is an upload."""
    spread = lambda least, most: int(least * (most / least) ** rng.random())
    kind = rng.random()
    if mix == "pages":
        return spread(8_000, 150_000), kind < 0.03
    if mix == "downloads":
        return spread(250_000, 2_500_000), False
    if mix == "uploads":
        return spread(30_000, 500_000), kind < 0.5
    return (spread(8_000, 100_000), False) if kind < 0.6 else (spread(100_000, 900_000), kind > 0.88)


def through_socks(port, host, tls, size, put):
    """One request of Python's TLS client through a SOCKS proxy."""
    with socket.create_connection(("127.0.0.1", port), 20) as s:
        s.sendall(b"\5\1\0")
        s.recv(2)
        s.sendall(b"\5\1\0\3" + bytes([len(host)]) + host.encode() + struct.pack(">H", 443 if tls else 80))
        if s.recv(300)[1:2] != b"\0":
            raise OSError("refused")
        request(s, host, size, tls and trusting(), put)


def request(s, host, size, tls, put=False, rate=0):
    """A request on a connected socket."""
    s = tls.wrap_socket(s, server_hostname=host) if tls else s
    with s:
        if put:
            s.sendall(f"PUT /up HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n".encode())
            for block in blocks(size, rate):
                s.sendall(block)
        else:
            s.sendall(f"GET /{size}?rate={rate:.0f} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        while s.recv(65536):
            pass


def customers(relays, seconds, out):
    """Who uses the relays: each at its own rate, in bursts with pauses. What they did is written to `out`."""
    end, done = time.monotonic() + seconds, {}

    def serve(relay):
        rng, did = random.Random(relay["seed"]), done.setdefault(relay["mac"], {"requests": 0, "failed": 0, "bytes": 0})
        time.sleep(relay["start"])
        begin, used, rate = time.monotonic(), 0, relay["rate"] * 1e6 / 60

        def fetch(host, stack, size, put):
            tls = relay["tls"] and rng.random() < relay["tls"]
            try:
                if relay["proxy"] and STACKS[stack] is None:
                    through_socks(relay["port"], host, tls, size, put)
                else:
                    scheme, how = ("https", STACKS[stack] or []) if tls else ("http", [])
                    how = [*how, "-x", f"socks5h://127.0.0.1:{relay['port']}"] if relay["proxy"] else how
                    subprocess.run(["curl", "-sk", "-o", os.devnull, "--max-time", "40", *how, f"{scheme}://{host}/{'up' if put else size}",
                                    *(["-T", "-"] if put else [])], check=True, input=(BLOCK * (size // 65536 + 1))[:size] if put else b"")
                did["requests"] += 1
                did["bytes"] += size
            except (OSError, subprocess.CalledProcessError):
                did["failed"] += 1

        while time.monotonic() < end:
            time.sleep(min(rng.expovariate(1 / relay["pause"]), 3 * relay["pause"]) + 0.3)
            burst = (rate * (time.monotonic() - begin) - used) * rng.uniform(0.7, 1.4)
            jobs = []
            while burst > 8_000 and time.monotonic() < end - 3:
                size, put = sizes_of(relay["mix"], rng)
                size = min(size, max(int(burst), 8_000))
                burst, used = burst - size, used + size
                jobs.append((rng.choice(relay["hosts"]), rng.choice(relay["stacks"]), size, put))
            for at in range(0, len(jobs), relay["width"]):
                threads(fetch, jobs[at:at + relay["width"]])
    for relay in relays:
        threading.Thread(target=serve, args=(relay,), daemon=True).start()
    time.sleep(seconds + 5)
    with open(out, "w") as file:
        json.dump(done, file)


# --- the house

def sdk_device(address, port):
    """A relay as an SDK is one: a control connection, and for each customer one more to the same address."""
    async def session(number):
        back = out = None
        try:
            back = await asyncio.open_connection(address, port)
            back[1].write(b"back %d\n" % number)
            host, to = (await back[0].readline()).split()
            out = await asyncio.open_connection(host.decode(), int(to), family=socket.AF_INET)
            back[1].write(b"ok\n")
            await splice(back, out)
        except (OSError, ValueError):
            for one in (back, out):
                one and one[1].close()

    async def run():
        reader, writer = await asyncio.open_connection(address, port)
        writer.write(b"hello\n")
        alive = set()
        while line := await reader.readline():
            alive.add(task := asyncio.create_task(session(int(line.split()[1]))))
            task.add_done_callback(alive.discard)
    asyncio.run(run())


def ordinary(seed, activities):
    """What a device does for itself: several activities at once, each for ever."""
    rng = random.Random(seed)

    def once(host, size, put=False, rate=0, tls=True):
        try:
            with socket.create_connection((host, 443 if tls else 80), 10) as s:
                request(s, host, size, tls and context, put, rate)
        except OSError:
            time.sleep(1)

    def calls(hosts, size, every, put=False, tls=True, at_once=1, rate=0):
        """Requests now and then."""
        while True:
            time.sleep(rng.uniform(*every))
            threads(once, [(rng.choice(hosts), rng.randint(*size), put, rate, tls) for _ in range(rng.randint(1, at_once))])

    def flow(host, rate, put, seconds=900, tls=True):
        """One long transfer, again and again."""
        while True:
            once(host, int(rate * seconds), put, rate, tls)

    def udp(to, per_second, size, stun=None, seconds=0, pause=0):
        """A call or a game: to each of the peers so many packets a second; if need be after STUN, and with pauses."""
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("", 0))
        while True:
            if stun:
                s.sendto(struct.pack(">HHI", 1, 0, 0x2112a442) + os.urandom(12), tuple(stun))
            end = time.monotonic() + (seconds or 1e9)
            due = time.monotonic()
            while time.monotonic() < end:
                for peer in to:
                    s.sendto(BLOCK[:rng.randint(*size)], tuple(peer))
                due += 1 / per_second
                time.sleep(max(0, due - time.monotonic()))
                while True:
                    try:
                        s.recv(2000, socket.MSG_DONTWAIT)
                    except BlockingIOError:
                        break
            time.sleep(pause)

    def run(command, every):
        """A program, again and again."""
        while True:
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(rng.uniform(*every))

    def typed(command, every):
        """A program that a person types to."""
        while True:
            time.sleep(rng.uniform(1, 5))
            child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, bufsize=0)
            while child.poll() is None:
                time.sleep(rng.uniform(*every))
                try:
                    child.stdin.write(rng.choice([b"date\n", b"ls /usr/bin\n", b"id\n", b"ls -l /etc | head -40\n"]))
                except BrokenPipeError:
                    break

    context = trusting()
    what = {"calls": calls, "flow": flow, "udp": udp, "run": run, "typed": typed}
    threads(lambda activity: what[activity.pop("do")](**activity), [(activity,) for activity in activities])


if __name__ == "__main__":
    globals()[sys.argv[1]](**json.loads(sys.argv[2]))
