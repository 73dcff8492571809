"""With a flow table in the ruleset a block takes the entries away instead of marking them."""


def story(lab):
    bulb, _ = lab.devices
    lab.start("option reject 0")
    try:
        lab.router.run("nft -f -", """table inet fw4 { flowtable ft { hook ingress priority 0; devices = { wan }; } }\n""")
    except RuntimeError as error:
        # This kernel has no flow tables: the choice is tested by what doctor says on one that has.
        return print(f"no flow table here: {error}")
    lab.until(lambda: lab.leash("status")["health"]["table"]["offload"], "the flow table is noticed")
    assert "offload" in str(lab.leash("doctor"))
    with bulb.socket("45.10.1.1", 443, wait=0.4) as s:
        assert echo(s)
        lab.until(lambda: lab.contact(bulb, "45.10.1.1"), "the flow is judged")
        lab.leash("block", bulb.mac, "45.10.1.1")
        assert not echo(s)
        assert "45.10.1.1" not in lab.router.run("conntrack -L")


def echo(s):
    import lab
    return lab.echoes(s)
