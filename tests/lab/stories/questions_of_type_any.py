"""A device asks for records of all types. dnsmasq's log has the addresses of a name of its own, and of others it only
tells that there was one (`is <A>`): the former is a lookup, and the latter not none."""

import log_stories

HOUSE = {"log": "plain"}
ANY = 255


def story(lab):
    bulb, _ = lab.devices
    lab.names(bulb="45.10.1.1", far="45.10.1.3")
    answer = lab.internet.answer
    lab.internet.answer = lambda question: of_type_any(answer, question)
    lab.stop("dnsmasq")
    with open(f"{lab.folder}/dnsmasq.conf", "a") as file:
        file.write("host-record=own.example,45.10.1.2\n")
    lab.children["dnsmasq"] = lab.router.popen(["dnsmasq", "-C", f"{lab.folder}/dnsmasq.conf"])
    lab.until(lambda: bulb.lookup("nobody.example", wait=0.2) is not None, "dnsmasq answers")
    log_stories.begin(lab)
    for name, address, right in [
        ("own.example", "45.10.1.2", ["lookup"]),
        ("far.example", "45.10.1.3", ["lookup", "unknown"]),
    ]:
        assert bulb.lookup(name, kind=ANY) == [address] and bulb.reaches(address)
        seen = lab.until(lambda: lab.explained(bulb, address), "the contact is judged")
        assert seen in right, f"{address}, which was looked up as {name}, is {seen}"
    lab.holds(lambda: lab.blocks() == [], "nothing is blocked")


def of_type_any(answer, question):
    """The lab's answers for A, given to who asks for ANY."""
    at = question.index(b"\0", 12) + 1
    if question[at : at + 2] != bytes([0, ANY]):
        return answer(question)
    found = answer(question[:at] + b"\0\1" + question[at + 2 :])
    return found[:at] + bytes([0, ANY]) + found[at + 2 :]
