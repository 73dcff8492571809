#!/bin/sh
# Runs inside an OpenWrt userland, see install: one way of installing (apk or opkg), from nothing to nothing.
# shellcheck disable=SC2015 # `fail` ends the script, so `a && b || fail` is an if
WAY=$1 WORK=$2 TOOLS=$2/tools VERSION=$3

step() { echo "-- $WAY: $*"; }
fail() { echo "FAILED: $*"; cat /tmp/out; exit 1; }
try() { "$@" >/tmp/out 2>&1; }
says() { grep -m2 "$1" /tmp/out || fail "it should say '$1'"; }
until_() {
	n=$(($1 * 10)) what=$2; shift 2
	while ! "$@" >/dev/null 2>&1; do
		n=$((n - 1)); [ $n -gt 0 ] || fail "$what"
		sleep 0.1
	done
}
runs() { ubus -S call leash status; }
gone() { ! pgrep -f "^/usr/sbin/leash run"; }
# opkg leaves folders behind, as with every package.
left() { find /usr/sbin/leash /etc/init.d/leash /usr/share/leash /www/luci-static/resources/view/leash /usr/share/acl.d/leash.json -type f 2>/dev/null; }
nothing() { [ -z "$(left)" ]; }

cp "$TOOLS/$WAY" /usr/bin/; cp "$TOOLS/usign" "$TOOLS/opkg-key" /usr/bin/
mkdir -p /usr/sbin && cp "$TOOLS/opkg-key" /usr/sbin/
cp "$TOOLS/functions-$WAY.sh" /lib/functions.sh
# As base-files has them; what the test system brought of leash goes.
sed -i '/^leash:/d' /etc/passwd /etc/group
printf "DISTRIB_ARCH='x86_64'\n" >/etc/openwrt_release
for name in lock restorecon; do printf '#!/bin/sh\n' >/usr/bin/$name; chmod +x /usr/bin/$name; done
printf '#!/bin/sh\n' >/etc/init.d/sysctl; chmod +x /etc/init.d/sysctl
ip link add br-lan type bridge; ip link set br-lan up
(cd "$WORK/feed" && exec python3 -m http.server 8077 >/dev/null 2>&1) &
until_ 5 "a web server" wget -q -O /dev/null http://127.0.0.1:8077/leash.pub

case $WAY in
apk)
	mkdir -p /etc/apk/keys /etc/apk/repositories.d
	echo x86_64 >/etc/apk/arch; : >/etc/apk/world
	echo "$WORK/system/packages.adb" >/etc/apk/repositories.d/distfeeds.list
	cp "$WORK/feed/leash.pem" /etc/apk/keys/openwrt.pem
	try apk add --initdb libc || fail "apk begins"
	rm /etc/apk/keys/openwrt.pem
	install() { apk add "$@"; }
	remove() { apk del "$@"; }
	file() { echo "$1-$2.apk"; }
	# The system's own packages are trusted, leash's are not yet.
	sign() { cp "$WORK/feed/leash.pem" /etc/apk/keys/openwrt.pem; }
	untrusted="UNTRUSTED signature" wrong="unsatisfiable\|not available\|arch" missing="no such package\|required by"
	new=/etc/config/leash.apk-new KIND=apk
	;;
opkg)
	mkdir -p /etc/opkg/keys /var/lock /usr/lib/opkg
	printf 'dest root /\ndest ram /tmp\nlists_dir ext /var/opkg-lists\noption overlay_root /overlay\noption check_signature\narch all 1\narch noarch 1\narch x86_64 10\n' >/etc/opkg.conf
	echo "src/gz system file://$WORK/system" >/etc/opkg/distfeeds.conf
	install() { opkg install "$@"; }
	remove() { opkg remove "$@"; }
	file() { case $1 in leash) echo "$1_$2_x86_64.ipk" ;; *) echo "$1_$2_all.ipk" ;; esac; }
	sign() { opkg-key add "$WORK/feed/leash.pub"; }
	untrusted="Signature check failed" wrong="incompatible\|Unknown package\|architecture" missing="cannot find dependency\|unsatisfied"
	new=/etc/config/leash-opkg KIND=ipk
	;;
esac

step "what nobody signed is refused"
case $WAY in
apk)
	try install "$WORK/feed/x86_64/leash-$VERSION-r1.apk" && fail "it was taken"
	says "$untrusted"
	;;
opkg)
	echo "src/gz leash http://127.0.0.1:8077/x86_64" >/etc/opkg/customfeeds.conf
	try opkg update
	says "$untrusted"
	: >/etc/opkg/customfeeds.conf
	;;
esac

step "a dependency that is missing is told, and nothing is installed"
case $WAY in
apk) mv /etc/apk/repositories.d/distfeeds.list /tmp/; try apk add --allow-untrusted "$WORK/feed/x86_64/leash-$VERSION-r1.apk" && fail "it was taken" ;;
opkg) try install "$WORK/feed/x86_64/leash_$VERSION-r1_x86_64.ipk" && fail "it was taken" ;;
esac
says "$missing"
nothing || fail "something was installed"
[ ! -e /tmp/distfeeds.list ] || mv /tmp/distfeeds.list /etc/apk/repositories.d/
[ "$WAY" = apk ] || { sign; try opkg update || fail "the system's packages"; rm -r /etc/opkg/keys; }

step "a package for another processor is refused"
sign
try install "$WORK"/foreign/leash[_-][0-9]*."$KIND" && fail "it was taken"
says "$wrong"
nothing || fail "something was installed"

check() {
	until_ 8 "leash is on the bus" runs
	leash --version
	grep -q '^leash:x:460:460:' /etc/passwd && grep -q '^leash:x:460:' /etc/group || fail "its user"
	[ -L /etc/rc.d/S95leash ] || fail "it starts at boot"
	[ ! -e /etc/uci-defaults/90-leash ] || fail "uci-defaults were not run"
	[ -s /usr/share/leash/networks ] && [ -s /www/luci-static/resources/view/leash/overview.js ] || fail "the other packages"
	cmp /etc/config/leash /usr/share/leash/config || fail "the settings"
	leash doctor >/tmp/out; grep -q "no user\|not in a jail" /tmp/out && fail "doctor"
	grep Uid "/proc/$(pgrep -f '^/usr/sbin/leash run' | tail -n1)/status" | grep -q 460 || fail "it runs as leash"
}

step "by files, as the README says"
case $WAY in apk) rm /etc/apk/keys/*; sign ;; esac
try sh "$WORK/$WAY-files.sh" || fail "the README's lines"
check
remove luci-app-leash leash leash-lists leash-networks >/tmp/out 2>&1 || fail "removal"
until_ 8 "it ends" gone
nothing || fail "something is left: $(left)"
[ -L /etc/rc.d/S95leash ] && fail "it would start at boot"
nft list tables | grep leash && fail "its table is left"
rm -rf /etc/config/leash /etc/leash

step "by a feed and its key, as the README says"
try sh "$WORK/$WAY-feed.sh" || fail "the README's lines"
check

step "an upgrade keeps settings that were changed, and what is blocked"
uci set leash.main.block_for=3d; uci commit leash
leash block all 45.10.9.9 >/tmp/out || fail "a block"
until_ 5 "it is kept" grep -q 45.10.9.9 /etc/config/leash
cp /etc/config/leash /tmp/mine
before=$(pgrep -f '^/usr/sbin/leash run' | tail -n1)
case $WAY in
apk) try apk add --upgrade "$WORK/newer/leash-9.9.9-r1.apk" "$WORK/newer/leash-networks-9.9.9-r1.apk" || fail "the upgrade" ;;
opkg) try opkg install "$WORK/newer/leash_9.9.9-r1_x86_64.ipk" "$WORK/newer/leash-networks_9.9.9-r1_all.ipk" || fail "the upgrade" ;;
esac
until_ 8 "it runs again" runs
[ "$before" != "$(pgrep -f '^/usr/sbin/leash run' | tail -n1)" ] || fail "the old program still runs"
cmp /tmp/mine /etc/config/leash || fail "the settings were changed"
grep -q "a comment of a newer version" "$new" || fail "the new settings are not beside them: $(ls /etc/config)"
leash pins | grep 45.10.9.9 || fail "the pin"

step "an upgrade replaces settings that nobody changed"
remove luci-app-leash leash leash-lists leash-networks >/tmp/out 2>&1; rm -rf /etc/config/leash* /etc/leash
until_ 8 "it ends" gone
try install leash || try install "leash=$VERSION-r1" || fail "the feed's"
until_ 8 "leash is on the bus" runs
case $WAY in
apk) try apk add "$WORK/newer/leash-9.9.9-r1.apk" || fail "the upgrade" ;;
opkg) try opkg install "$WORK/newer/leash_9.9.9-r1_x86_64.ipk" || fail "the upgrade" ;;
esac
grep -q "a comment of a newer version" /etc/config/leash || fail "the old settings are there: $(ls /etc/config)"
until_ 8 "it runs again" runs

step "removed"
remove leash leash-lists >/tmp/out 2>&1 || fail "removal"
until_ 8 "it ends" gone
nft list tables | grep leash && fail "its table is left"
grep -c . /etc/passwd >/dev/null
echo "$WAY: all is well"
