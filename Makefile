# qorb: one Makefile for GNU make, no recursion into folders. Everything made
# lands below $(BUILD); the programs in $(BUILD)/bin. `make help` lists what
# can be asked for.
#
# A program is a folder cmd/NAME; its libraries are named under LIBS_NAME. A
# library is a folder libcommon/NAME. A unit test is tests/unit/test_NAME.c, or
# tests/unit/PROGRAM/test_NAME.c when it needs the parts of a program (it is
# linked with all of cmd/PROGRAM but main.o, whose folder is on its include
# path). A fuzz target is tests/fuzz/fuzz_NAME.c. None of these files is named
# here: they are found.

ifeq ($(filter 4.% 5.% 6.%,$(MAKE_VERSION)),)
$(error qorb needs GNU make 4 or newer, this is $(or $(MAKE_VERSION),another make); try gmake)
endif

# Settings, each for the command line or the environment.
BUILD      ?= build
PREFIX     ?= /usr/local
DESTDIR    ?=
AR         ?= ar
OBJCOPY    ?= objcopy
PKG_CONFIG ?= pkg-config
INSTALL    ?= install
CLANG_FORMAT ?= clang-format
FUZZ_SECONDS ?= 5
CFLAGS     ?= -O2 -g
WERROR     ?=
ifeq ($(origin CC),default)
CC := cc
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wvla -Wswitch-enum $(WERROR)
STD_CORE := -std=c11
STD_IO   := -std=c11 -D_GNU_SOURCE
INC      := -Ilibcommon

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all
all:

# --- libraries from elsewhere ----------------------------------------------
# Asked of pkg-config unless both variables of a library are given.

MISSING := $(if $(shell command -v $(firstword $(CC))),,$(firstword $(CC)))
# $(call find_library,VARIABLE PREFIX,pkg-config module,extra libraries)
define find_library
ifndef $(1)_LIBS
$(1)_LIBS   := $$(shell $(PKG_CONFIG) --libs $(2) 2>/dev/null)
$(1)_CFLAGS := $$(shell $(PKG_CONFIG) --cflags $(2) 2>/dev/null)
MISSING     += $$(if $$($(1)_LIBS),,$(2))
$(1)_LIBS   += $(3)
endif
endef

# macOS and the BSDs have the resolver's parser in libc or elsewhere.
RESOLV_LIBS ?= $(if $(filter Linux,$(shell uname -s)),-lresolv)

$(eval $(call find_library,LIBEVENT,libevent_core))
$(eval $(call find_library,CARES,libcares,$(RESOLV_LIBS)))
$(eval $(call find_library,JANSSON,jansson))
$(eval $(call find_library,NCURSES,ncursesw))
$(eval $(call find_library,INIH,inih))
$(eval $(call find_library,WEBSOCKETS,libwebsockets))
MATH_LIBS ?= -lm
LIB_CFLAGS = $(LIBEVENT_CFLAGS) $(CARES_CFLAGS) $(JANSSON_CFLAGS) \
	$(NCURSES_CFLAGS) $(INIH_CFLAGS) $(WEBSOCKETS_CFLAGS)

MISSING_FOR_TESTS :=
ifndef CMOCKA_LIBS
CMOCKA_LIBS   := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null)
CMOCKA_CFLAGS := $(shell $(PKG_CONFIG) --cflags cmocka 2>/dev/null)
MISSING_FOR_TESTS := $(if $(CMOCKA_LIBS),,cmocka)
endif

define say_missing
	@echo "make: missing: $(strip $(1)) (libraries are asked of $(PKG_CONFIG))" >&2
	@echo "make: install it with: make setup" >&2
	@false
endef

.PHONY: have-libraries have-test-libraries
have-libraries:
ifneq ($(strip $(MISSING)),)
	$(call say_missing,$(MISSING))
endif
have-test-libraries: have-libraries
ifneq ($(strip $(MISSING_FOR_TESTS)),)
	$(call say_missing,$(MISSING_FOR_TESTS))
endif

# --- trace probes -----------------------------------------------------------
# PROBES=yes, no, or auto: when dtrace (on Linux SystemTap's, which comes with
# sys/sdt.h) is there. From probes/qorb.d come a header of macros and, but on
# macOS, an object. On Linux that holds what the tracers look at; elsewhere
# dtrace also rewrites the object in which the probes fire, so it gets a copy.

PROBES ?= auto
DTRACE ?= dtrace
KERNEL := $(shell uname -s)
DTRACE_FLAGS ?= $(if $(filter SunOS,$(KERNEL)),-64 -xnolibs)

# Makes differ in how they read this sign inside of a function.
HASH := \#
ifeq ($(PROBES),auto)
HAS_PROBES := $(shell command -v $(DTRACE) >/dev/null && \
	echo '$(HASH)include <sys/sdt.h>' | $(CC) $(CPPFLAGS) -E -x c - \
	>/dev/null 2>&1 && echo yes)
else ifneq ($(filter $(PROBES),yes no),)
HAS_PROBES := $(filter yes,$(PROBES))
else
$(error PROBES=$(PROBES): it must be yes, no or auto)
endif

PROBES_H    := $(BUILD)/probes/qorb_probes.h
PROBES_FIRE := $(BUILD)/obj/cmd/qorb-pool/probes.o
PROBES_OBJ  := $(if $(filter Darwin,$(KERNEL)),,\
	$(HAS_PROBES:yes=$(BUILD)/probes/qorb_probes.o))
PROBES_LIBS := $(if $(filter FreeBSD,$(KERNEL)),$(HAS_PROBES:yes=-lelf))

$(PROBES_H): probes/qorb.d probes/none.awk $(BUILD)/probes.flags
	@mkdir -p $(@D)
ifeq ($(HAS_PROBES),yes)
	$(DTRACE) -h -s $< -o $@
else
	awk -f probes/none.awk $< >$@
endif

$(PROBES_FIRE): $(PROBES_H)
$(PROBES_FIRE): EXTRA_CFLAGS = -I$(BUILD)/probes

ifeq ($(KERNEL),Linux)
$(BUILD)/probes/qorb_probes.o: probes/qorb.d $(BUILD)/compile.flags \
	$(BUILD)/probes.flags
	@mkdir -p $(@D)
	CC='$(CC)' $(DTRACE) -G -s $< -o $@
else
$(BUILD)/probes/qorb_probes.o: probes/qorb.d $(PROBES_FIRE)
	cp $(PROBES_FIRE) $(BUILD)/probes/fire.o
	$(DTRACE) -G $(DTRACE_FLAGS) -s $< -o $@ $(BUILD)/probes/fire.o
$(BUILD)/probes/fire.o: $(BUILD)/probes/qorb_probes.o
endif

# --- the page of qorb-web ----------------------------------------------------
# One document, and from it the bytes that become part of the program.

PAGE := cmd/qorb-web/page

$(BUILD)/page/page.html: $(PAGE)/page.awk $(PAGE)/index.html \
	$(wildcard $(PAGE)/*.css $(PAGE)/*.js)
	@mkdir -p $(@D)
	awk -f $(PAGE)/page.awk $(PAGE)/index.html >$@

$(BUILD)/page/page_bytes.h: $(BUILD)/page/page.html
	od -A n -t x1 -v $< | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g' >$@

$(BUILD)/obj/cmd/qorb-web/page.o: $(BUILD)/page/page_bytes.h
$(BUILD)/obj/cmd/qorb-web/page.o: EXTRA_CFLAGS = -I$(BUILD)/page

# --- what each program is linked with --------------------------------------

LIBS_qorb-claim   :=
LIBS_qorb-ctl     := JANSSON
LIBS_qorb-echo    := LIBEVENT
LIBS_qorb-load    := LIBEVENT JANSSON NCURSES MATH
LIBS_qorb-pool    := LIBEVENT CARES INIH PROBES
LIBS_qorb-resolve := LIBEVENT CARES
LIBS_qorb-web     := WEBSOCKETS JANSSON
LIBS_qtop         := WEBSOCKETS JANSSON NCURSES
LIBS_TESTS        := LIBEVENT CARES JANSSON NCURSES INIH WEBSOCKETS MATH CMOCKA

# $(call libraries,NAME): the linker's words for LIBS_NAME.
libraries = $(foreach l,$(LIBS_$(1)),$($(l)_LIBS))

PROGRAMS := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard cmd/*/main.c)))))
BINS     := $(PROGRAMS:%=$(BUILD)/bin/%)
all: have-libraries $(BINS) $(BUILD)/lib/libqorb.a

# --- flags: a change of them makes anew what they went into ----------------

COMPILE_FLAGS = $(CC) $(WARN) $(CFLAGS) $(CPPFLAGS) $(LIB_CFLAGS)
LINK_FLAGS    = $(CC) $(CFLAGS) $(LDFLAGS) $(LDLIBS) $(LIBEVENT_LIBS) \
	$(CARES_LIBS) $(JANSSON_LIBS) $(NCURSES_LIBS) $(INIH_LIBS) \
	$(WEBSOCKETS_LIBS)
PROBES_FLAGS  = $(HAS_PROBES) $(DTRACE) $(DTRACE_FLAGS)
export COMPILE_FLAGS LINK_FLAGS PROBES_FLAGS

.PHONY: FORCE
FORCE:
$(BUILD)/compile.flags $(BUILD)/link.flags $(BUILD)/probes.flags: \
	$(BUILD)/%.flags: FORCE
	@mkdir -p $(@D)
	@case $* in compile) f=$$COMPILE_FLAGS;; link) f=$$LINK_FLAGS;; \
	*) f=$$PROBES_FLAGS;; esac; \
	printf '%s\n' "$$f" | cmp -s - $@ || printf '%s\n' "$$f" >$@

# --- objects and archives --------------------------------------------------

objs = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(1)/*.c))

# $(call parts,PROGRAM): its own objects, with those of the probes. Where dtrace
# has rewritten one of them, that takes the place of the compiler's.
with_probes = $(if $(filter $(PROBES_FIRE),$(1)),$(PROBES_OBJ) \
	$(if $(and $(PROBES_OBJ),$(filter-out Linux,$(KERNEL))),\
	$(BUILD)/probes/fire.o $(filter-out $(PROBES_FIRE),$(1)),$(1)),$(1))
parts = $(call with_probes,$(call objs,cmd/$(1)))

CORE_OBJS   := $(call objs,libcommon/core)
IO_OBJS     := $(call objs,libcommon/io)
TUI_OBJS    := $(call objs,libcommon/tui)
CLIENT_OBJS := $(call objs,libcommon/client)
GLUE_OBJS   := $(call objs,libcommon/glue)

$(BUILD)/lib/libcore.a: $(CORE_OBJS)
$(BUILD)/lib/libio.a: $(IO_OBJS)
$(BUILD)/lib/libtui.a: $(TUI_OBJS)
$(BUILD)/lib/libclient.a: $(CLIENT_OBJS)
$(BUILD)/lib/libglue.a: $(GLUE_OBJS)

# Made anew, not updated, so that a source taken away leaves nothing behind.
ARCHIVES := core io tui client glue
$(ARCHIVES:%=$(BUILD)/lib/lib%.a): $(BUILD)/compile.flags
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $(filter %.o,$^)

# The installed client library: the client and what it uses of the core as one
# object in which nothing but qorb_* is to be seen from outside.
$(BUILD)/lib/libqorb.a: $(CLIENT_OBJS) $(BUILD)/lib/libcore.a
	@mkdir -p $(@D)
	@rm -f $@
ifneq ($(and $(CLIENT_OBJS),$(shell command -v $(OBJCOPY))),)
	$(LD) -r -o $(@D)/qorb.o $^
	$(OBJCOPY) --wildcard --keep-global-symbol='qorb_*' $(@D)/qorb.o
	$(AR) rcs $@ $(@D)/qorb.o
else
	$(AR) rcs $@ $(CLIENT_OBJS) $(CORE_OBJS)
endif

$(BUILD)/obj/libcommon/core/%.o: libcommon/core/%.c $(BUILD)/compile.flags
	@mkdir -p $(@D)
	$(CC) $(STD_CORE) $(WARN) $(CFLAGS) $(CPPFLAGS) $(INC) -MMD -MP \
		-c -o $@ $<

# What a file of a unit or fuzz test needs beyond the others.
$(BUILD)/obj/tests/unit/%.o: EXTRA_CFLAGS = $(CMOCKA_CFLAGS) \
	$(addprefix -I,$(wildcard cmd/$(notdir $(patsubst %/,%,$(dir $<)))))
$(BUILD)/obj/tests/unit/%.o: | have-test-libraries

$(BUILD)/obj/%.o: %.c $(BUILD)/compile.flags | have-libraries
	@mkdir -p $(@D)
	$(CC) $(STD_IO) $(WARN) $(CFLAGS) $(CPPFLAGS) $(INC) $(LIB_CFLAGS) \
		$(EXTRA_CFLAGS) -MMD -MP -c -o $@ $<

LIBS := $(BUILD)/lib/libtui.a $(BUILD)/lib/libglue.a $(BUILD)/lib/libclient.a \
	$(BUILD)/lib/libio.a $(BUILD)/lib/libcore.a

define program_rule
$(BUILD)/bin/$(1): $(call parts,$(1)) $(LIBS) $(BUILD)/link.flags
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(LIBS) \
		$$(call libraries,$(1)) $$(LDLIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

# --- tests -----------------------------------------------------------------

UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,\
	$(wildcard tests/unit/test_*.c tests/unit/*/test_*.c))

# $(call unit_rule,PROGRAM/test_NAME or test_NAME)
define unit_rule
$(BUILD)/unit/$(1): $(BUILD)/obj/tests/unit/$(1).o $(LIBS) \
	$(filter-out %/main.o,$(if $(findstring /,$(1)),\
	$(call parts,$(patsubst %/,%,$(dir $(1)))))) $(BUILD)/link.flags
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(LIBS) \
		$$(call libraries,TESTS) $$(LDLIBS)
endef
$(foreach t,$(UNIT_TESTS:$(BUILD)/unit/%=%),$(eval $(call unit_rule,$(t))))

.PHONY: unit-tests unit
unit-tests: have-test-libraries $(UNIT_TESTS)
unit: unit-tests
	@tests/run --build '$(BUILD)' unit

# The simulator of the core: `make sim` runs many worlds, and writes the first
# that fails, made short, as a scenario.
SIM_OBJS := $(filter-out %/fleet.o,$(call objs,tests/sim))
SEEDS    ?= 1:200
EVENTS   ?= 100000
SIM_FLAGS ?=

$(BUILD)/sim/qorb-sim: $(SIM_OBJS) $(BUILD)/lib/libcore.a $(BUILD)/link.flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LDLIBS)

# That of the resolver and the other sources.
$(BUILD)/sim/qorb-sim-resolver: $(call objs,tests/sim/resolver) \
	$(BUILD)/lib/libcore.a $(BUILD)/link.flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LDLIBS)

unit-tests: $(BUILD)/sim/qorb-sim $(BUILD)/sim/qorb-sim-resolver
.PHONY: sim sim-resolver
sim: $(BUILD)/sim/qorb-sim
	@$< --seeds '$(SEEDS)' --events '$(EVENTS)' \
		--shrink='$(BUILD)/sim/failed.sim' $(SIM_FLAGS)
	@$(if $(SIM_FLAGS),,$(MAKE) --no-print-directory -s sim-resolver EVENTS=10000)
sim-resolver: $(BUILD)/sim/qorb-sim-resolver
	@$< --seeds '$(SEEDS)' --events '$(EVENTS)' $(SIM_FLAGS)

FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,\
	$(wildcard tests/fuzz/fuzz_*.c))

$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(LIBS) $(BUILD)/link.flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) \
		$(LIBS) $(call libraries,$(or $(PARTS_OF),qorb-pool)) $(LDLIBS)

# A target that tries parts of a program names them, and whose they are.
$(BUILD)/fuzz/fuzz_message: PARTS_OF = qtop
$(BUILD)/fuzz/fuzz_message: $(BUILD)/obj/cmd/qtop/message.o \
	$(BUILD)/obj/cmd/qtop/model.o
$(BUILD)/obj/tests/fuzz/fuzz_message.o: EXTRA_CFLAGS = -Icmd/qtop

# With clang and the flags of FUZZ_FLAGS only: `make fuzz` sees to that.
FUZZ_FLAGS := -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
.PHONY: fuzzers fuzz
fuzzers: $(FUZZERS)
fuzz:
	@$(MAKE) --no-print-directory BUILD='$(BUILD)/clang-fuzz' CC=clang \
		CFLAGS='$(FUZZ_FLAGS)' fuzzers
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run --build '$(BUILD)/clang-fuzz' fuzz

# Programs that measure, each one file.
MEASURES := $(patsubst tests/%.c,$(BUILD)/%,\
	$(wildcard tests/bench/bench_*.c tests/sim/fleet.c))

$(MEASURES): $(BUILD)/%: $(BUILD)/obj/tests/%.o $(LIBS) $(BUILD)/link.flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBS) \
		$(MATH_LIBS) $(LDLIBS)

$(filter $(BUILD)/bench/%,$(MEASURES)): $(BUILD)/obj/tests/bench/meter.o

# They are built with the tests, so that they do not rot.
unit-tests: $(MEASURES)
.PHONY: bench-core fleet
bench-core: $(BUILD)/bench/bench_core
	@tests/bench/core.sh $<
fleet: $(BUILD)/sim/fleet
	@$<
.PHONY: bench-daemon
bench-daemon: all $(BUILD)/bench/bench_daemon
	@tests/bench/daemon.sh '$(BUILD)'

.PHONY: bench-sources
bench-sources: ROUNDS ?= 20
bench-sources: all $(BUILD)/bench/bench_daemon $(BUILD)/bench/bench_adverts
	@tests/bench/sources.sh '$(BUILD)' '$(ROUNDS)'
.PHONY: bench-probes
bench-probes: ROUNDS ?= 100
bench-probes:
	@for p in yes no; do $(MAKE) --no-print-directory -s PROBES=$$p \
		BUILD='$(BUILD)/bench-probes'/$$p all \
		'$(BUILD)/bench-probes'/$$p/bench/bench_daemon || exit; done
	@tests/bench/probes.sh '$(BUILD)/bench-probes' '$(ROUNDS)'

# What is missing is installed first, and by then this make has already looked
# for the libraries: so another one builds. (MAKE_COMMAND is MAKE, but for -n.)
.PHONY: check demo setup lint format
check:
	@MAKE='$(MAKE_COMMAND)' BUILD='$(BUILD)' tests/run --set-up

# -j only when this make was not given one.
demo:
	@tests/setup/deps.sh demo
	@echo 'building into $(BUILD) ...'
	@$(MAKE) --no-print-directory -s all \
		$(if $(findstring jobserver,$(MAKEFLAGS)),,-j2)
	@docs/examples/demo/demo.sh '$(BUILD)/bin'

setup:
	@tests/setup/deps.sh check

lint: all
	@tests/run --build '$(BUILD)' lint

format:
	$(CLANG_FORMAT) -i $(wildcard libcommon/*/*.[ch] cmd/*/*.[ch] \
		tests/*/*.[ch] tests/*/*/*.[ch])

# --- installation ----------------------------------------------------------

bindir  := $(DESTDIR)$(PREFIX)/bin
mandir  := $(DESTDIR)$(PREFIX)/share/man
bashdir := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
zshdir  := $(DESTDIR)$(PREFIX)/share/zsh/site-functions
fishdir := $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
probedir := $(DESTDIR)$(PREFIX)/share/qorb/probes
incdir  := $(DESTDIR)$(PREFIX)/include
libdir  := $(DESTDIR)$(PREFIX)/lib

MANUALS   := $(wildcard docs/man/*.[1-9])
SCRIPTS   := $(filter-out probes/qorb.d,$(wildcard probes/*.d probes/*.bt))
VERSION    = $(shell sed -n 's/^\#define QORB_VERSION "\(.*\)"/\1/p' \
	libcommon/core/version.h)
# Every file that install makes, once for it and once for uninstall.
INSTALLED  = $(PROGRAMS:%=$(bindir)/%) \
	$(foreach m,$(MANUALS),$(mandir)/man$(subst .,,$(suffix $(m)))/$(notdir $(m))) \
	$(patsubst completions/bash/%,$(bashdir)/%,$(wildcard completions/bash/*)) \
	$(patsubst completions/zsh/%,$(zshdir)/%,$(wildcard completions/zsh/*)) \
	$(patsubst completions/fish/%,$(fishdir)/%,$(wildcard completions/fish/*)) \
	$(SCRIPTS:probes/%=$(probedir)/%) \
	$(incdir)/qorb_client.h $(libdir)/libqorb.a $(libdir)/pkgconfig/qorb.pc

.PHONY: install uninstall
install: all
	$(INSTALL) -d $(sort $(patsubst %/,%,$(dir $(INSTALLED))))
	$(INSTALL) -m 755 $(BINS) $(bindir)
	$(foreach m,$(MANUALS),$(INSTALL) -m 644 $(m) \
		$(mandir)/man$(subst .,,$(suffix $(m))) &&) true
	$(foreach s,bash zsh fish,$(if $(wildcard completions/$(s)/*),\
		$(INSTALL) -m 644 $(wildcard completions/$(s)/*) $($(s)dir) &&)) true
	$(INSTALL) -m 644 $(SCRIPTS) $(probedir)
	$(INSTALL) -m 644 libcommon/client/qorb_client.h $(incdir)
	$(INSTALL) -m 644 $(BUILD)/lib/libqorb.a $(libdir)
	printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$${prefix}/lib' \
		'includedir=$${prefix}/include' '' 'Name: qorb' \
		'Description: Client of the qorb connection pool daemon' \
		'Version: $(VERSION)' 'Libs: -L$${libdir} -lqorb' \
		'Cflags: -I$${includedir}' >$(libdir)/pkgconfig/qorb.pc
	chmod 644 $(libdir)/pkgconfig/qorb.pc

uninstall:
	rm -f $(INSTALLED)

.PHONY: clean help
clean:
	rm -rf '$(BUILD)'

help:
	@printf '%s\n' \
	'make            build the programs into $(BUILD)/bin' \
	'make demo       install what is missing, build, show the main job' \
	'make demo DEMO=live   the same, left running until Ctrl-C' \
	'make check      install what is missing, build, run every test' \
	'make unit       build and run the unit tests' \
	'make sim        run the pool core through SEEDS ($(SEEDS)) worlds,' \
	'                and then the resolver (make sim-resolver)' \
	'make lint       build and check layers, style, shell and manuals' \
	'make bench-core measure what a claim costs in the core alone' \
	'make fleet      how evenly 1,000 hosts use 500 backends' \
	'make bench-probes  what a claim pays for probes not watched' \
	'make bench-daemon  measure what it costs through a live daemon' \
	'make bench-sources  time 1,000 targets in DNS, 10,000 backends' \
	'make fuzz       fuzz for FUZZ_SECONDS ($(FUZZ_SECONDS)) a target, with clang' \
	'make setup      install what building and testing need' \
	'make format     let clang-format lay out the C files' \
	'make install    into $(PREFIX) (PREFIX=..., DESTDIR=...)' \
	'make uninstall  take the same files away again' \
	'make clean      remove $(BUILD)' \
	'' \
	'Variants: make BUILD=build-clang CC=clang WERROR=-Werror' \
	"          make BUILD=build-asan CFLAGS='-O1 -g -fsanitize=address,undefined'" \
	'          make PROBES=no   (yes, no; auto: when dtrace is there)' \
	'Libraries: pkg-config finds them; LIBEVENT_CFLAGS and LIBEVENT_LIBS' \
	'say otherwise, and so do those of CARES, JANSSON, NCURSES,' \
	'INIH, WEBSOCKETS and CMOCKA.'

DEPENDENCIES := $(if $(wildcard $(BUILD)/obj),\
	$(shell find '$(BUILD)/obj' -name '*.d'))
-include $(DEPENDENCIES)
