#!/bin/sh
# Finds what is missing for a goal and installs it where that is possible:
#
#     tests/setup/deps.sh build    a C compiler and the libraries
#     tests/setup/deps.sh demo     the same and a name server
#     tests/setup/deps.sh check    the same and the test tools
#
# Says nothing and changes nothing when all is there. Else installs as root, or
# by sudo when it asks no question, with the package manager of the system;
# where it may not, prints the one line to run and exits 1. CC names the
# compiler, PKG_CONFIG the tool that knows the libraries.
set -eu

goal=${1-check}
case $goal in
build | demo | check) ;;
*)
	echo "usage: ${0##*/} build|demo|check" >&2
	exit 2
	;;
esac

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
cc=${CC:-cc}
pkg_config=${PKG_CONFIG:-pkg-config}
log=

say()
{
	echo "setup: $*" >&2
}

have()
{
	command -v "${1%% *}" >/dev/null 2>&1
}

# bats-support and bats-assert: each system has a folder of its own for them.
have_bats_library()
{
	for dir in $(printf %s "${BATS_LIB_PATH-}" | tr : ' ') /usr/lib/bats \
	    /usr/lib /usr/share/bats /usr/local/lib /opt/homebrew/lib; do
		[ ! -e "$dir/$1/load.bash" ] || return 0
	done
	return 1
}

# The part of clang that fuzzing and sanitizing is linked with is a package of
# its own on some systems.
have_clang_runtime()
{
	have clang || return 1
	for file in "$(clang -print-runtime-dir)"/*fuzzer* \
	    "$(clang -print-resource-dir)"/lib/*/*fuzzer*; do
		[ ! -e "$file" ] || return 0
	done
	return 1
}

need_command()
{
	have "$1" || missing="$missing $2"
}

need_module()
{
	"$pkg_config" --exists "$1" 2>/dev/null || missing="$missing $2"
}

# What makes the trace probes, and a tracer to look at them with, of which the
# tests can also do without: where the system is known to have them.
need_tracing()
{
	if have apt-get || have dnf; then
		need_command dtrace dtrace
		need_command bpftrace bpftrace
	fi
}

# Sets missing to the names, in our words, of what the goal lacks.
find_missing()
{
	missing=
	need_command "$cc" cc
	need_command make make
	need_command "$pkg_config" pkg-config
	if ! "$pkg_config" --exists libevent_core libcares jansson \
	    ncursesw inih libwebsockets 2>/dev/null; then
		need_module libevent_core libevent
		need_module libcares c-ares
		need_module jansson jansson
		need_module ncursesw ncurses
		need_module inih inih
		need_module libwebsockets libwebsockets
	fi
	[ "$goal" != build ] || return 0
	need_command bash bash
	need_command nsd nsd
	[ "$goal" != demo ] || return 0
	need_command dnsmasq dnsmasq
	need_module cmocka cmocka
	for tool in bats clang clang-format shellcheck mandoc parallel perl python3 jq socat tmux strace curl; do
		need_command $tool $tool
	done
	have_bats_library bats-support || missing="$missing bats-support"
	have_bats_library bats-assert || missing="$missing bats-assert"
	have_clang_runtime || missing="$missing clang-runtime"
	# Real backends for the tests of connectors.
	need_command redis-server redis
	need_command memcached memcached
	need_command nginx nginx
	# Who reads the figures of qorb-web.
	need_command promtool prometheus
	need_command chromedriver chromedriver
	if [ "$(uname -s)" = Linux ]; then
		need_command setpriv setpriv
		need_command ip iproute2
		need_command pgrep procps
		need_tracing
	fi
}

find_manager()
{
	for manager in apt-get dnf apk pacman brew pkg; do
		! have $manager || return 0
	done
	manager=
}

# The package that brings what we call $1, empty when nothing has to be
# installed for it.
package_of()
{
	case $manager:$1 in
	apt-get:cc) echo "gcc libc6-dev" ;;
	dnf:cc) echo gcc glibc-devel ;;
	apk:cc) echo gcc musl-dev ;;
	pacman:cc) echo gcc ;;
	brew:cc | pkg:cc) echo llvm ;;
	pkg:make) echo gmake ;;
	dnf:pkg-config) echo pkgconf-pkg-config ;;
	brew:pkg-config | pacman:pkg-config | apk:pkg-config | pkg:pkg-config)
		echo pkgconf ;;
	apt-get:libevent) echo libevent-dev ;;
	dnf:libevent) echo libevent-devel ;;
	apk:libevent) echo libevent-dev ;;
	apt-get:c-ares) echo libc-ares-dev ;;
	dnf:c-ares) echo c-ares-devel ;;
	apk:c-ares) echo c-ares-dev ;;
	apt-get:jansson) echo libjansson-dev ;;
	dnf:jansson) echo jansson-devel ;;
	apk:jansson) echo jansson-dev ;;
	apt-get:ncurses) echo libncurses-dev ;;
	dnf:ncurses) echo ncurses-devel ;;
	apk:ncurses) echo ncurses-dev ;;
	apt-get:redis) echo redis-server ;;
	apt-get:nginx) echo nginx-light ;;
	apt-get:inih) echo libinih-dev ;;
	dnf:inih) echo inih-devel ;;
	apk:inih) echo inih-dev ;;
	pacman:inih) echo libinih ;;
	apt-get:libwebsockets | apk:libwebsockets) echo libwebsockets-dev ;;
	dnf:libwebsockets) echo libwebsockets-devel ;;
	apt-get:chromedriver) echo chromium chromium-driver ;;
	dnf:chromedriver) echo chromium chromedriver ;;
	apk:chromedriver) echo chromium chromium-chromedriver ;;
	pacman:chromedriver) echo chromium ;;
	dnf:prometheus) echo golang-github-prometheus ;;
	apt-get:cmocka) echo libcmocka-dev ;;
	dnf:cmocka) echo libcmocka-devel ;;
	apk:cmocka) echo cmocka-dev ;;
	brew:bats | pkg:bats) echo bats-core ;;
	brew:bats-support) echo bats-core/bats-core/bats-support ;;
	brew:bats-assert) echo bats-core/bats-core/bats-assert ;;
	brew:clang | pkg:clang | brew:clang-runtime | pkg:clang-runtime)
		echo llvm ;;
	dnf:clang-format) echo clang-tools-extra ;;
	apk:clang-format) echo clang-extra-tools ;;
	pacman:clang-format) echo clang ;;
	pkg:clang-format) echo llvm ;;
	dnf:shellcheck) echo ShellCheck ;;
	pkg:shellcheck) echo hs-ShellCheck ;;
	apt-get:clang-runtime) echo libclang-rt-dev ;;
	dnf:clang-runtime | apk:clang-runtime | pacman:clang-runtime)
		echo compiler-rt ;;
	apt-get:dtrace) echo systemtap-sdt-dev ;;
	dnf:dtrace) echo systemtap-sdt-devel ;;
	dnf:iproute2) echo iproute ;;
	dnf:procps | pacman:procps) echo procps-ng ;;
	apt-get:setpriv | dnf:setpriv | pacman:setpriv) echo util-linux ;;
	apt-get:dnsmasq) echo dnsmasq-base ;; # without a service of its own
	pacman:python3) echo python ;;
	*) echo "$1" ;;
	esac
}

packages_of()
{
	for name in $1; do
		package_of "$name"
	done | tr '\n' ' ' | sed 's/ $//'
}

# The line that a person types to install $1.
line_of()
{
	case $manager in
	apt-get) echo "apt-get update && apt-get install -y $1" ;;
	dnf) echo "dnf install -y $1" ;;
	apk) echo "apk add $1" ;;
	pacman) echo "pacman -Sy --needed --noconfirm $1" ;;
	brew) echo "brew install $1" ;;
	pkg) echo "pkg install -y $1" ;;
	esac
}

# One attempt; its words go to the log.
install_once()
{
	# The list of packages is split into words on purpose.
	# shellcheck disable=SC2086
	case $manager in
	apt-get)
		set -- env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
		    apt-get -q -o DPkg::Lock::Timeout=120
		# Only a list that is missing or too old costs an update.
		$sudo "$@" install -y --no-install-recommends $packages ||
		    { $sudo "$@" update &&
			$sudo "$@" install -y --no-install-recommends $packages; }
		;;
	dnf) $sudo dnf install -y -q $packages ;;
	apk) $sudo apk add --wait 120 $packages ||
	    $sudo apk add --wait 120 -U $packages ;;
	pacman) $sudo pacman -S --needed --noconfirm $packages ||
	    $sudo pacman -Sy --needed --noconfirm $packages ;;
	brew) brew install $packages ;;
	pkg) $sudo pkg install -y $packages ;;
	esac >>"$log" 2>&1 </dev/null
}

# Another run, or the system's own updater, may hold the manager's lock: that
# passes. The pause is between attempts only.
install_packages()
{
	attempt=1
	until install_once; do
		[ $attempt -lt 5 ] && grep -qi lock "$log" || return 1
		attempt=$((attempt + 1))
		sleep 3
		: >"$log"
	done
}

# Debian starts and enables a name server that is installed: ours is started by
# demo and tests alone, so the system's own is taken out of service again.
stop_new_nsd()
{
	if [ -d /run/systemd/system ] && have systemctl; then
		$sudo systemctl disable --now nsd.service >/dev/null 2>&1 || :
		say "the system's own nsd service is not needed: disabled it"
	fi
}

find_missing
[ -n "$missing" ] || exit 0
find_manager

if [ -z "$manager" ]; then
	say "missing for $goal:$missing"
	say "no package manager that I know is here: install them by hand"
	exit 1
fi
sudo=
if [ "$manager" != brew ] && [ "$(id -u)" -ne 0 ]; then
	if have sudo && sudo -n true 2>/dev/null; then
		sudo="sudo -n"
	else
		say "missing for $goal:$missing"
		say "I may not install packages here; run this as root:"
		echo "    $(line_of "$(packages_of "$missing")")" >&2
		exit 1
	fi
fi

# Runs side by side take turns; a folder that is always there is the lock, so
# that nothing is left behind.
if have flock; then
	exec 9</etc
	flock 9
	find_missing
	[ -n "$missing" ] || exit 0
fi

packages=$(packages_of "$missing")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
say "installing with $manager: $packages"
if ! install_packages 9<&-; then
	tail -n 15 "$log" >&2
	say "$manager failed; this is the line that should work as root:"
	echo "    $(line_of "$packages")" >&2
	exit 1
fi
case " $missing " in
*" nsd "*) stop_new_nsd ;;
esac

wanted=$missing
find_missing
if [ -n "$missing" ]; then
	say "installed$wanted, yet still missing:$missing"
	exit 1
fi
