# qorb: one Makefile, no recursion, everything built below $(BUILD).

BUILD   ?= build
CC      ?= cc
AR      ?= ar
PKG_CONFIG ?= pkg-config
CFLAGS  ?= -O2 -g
WERROR  ?=

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wvla -Wswitch-enum $(WERROR)
STD_CORE := -std=c11
STD_IO   := -std=c11 -D_GNU_SOURCE
INC      := -Ilibcommon

LIBEVENT_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags libevent_core)
LIBEVENT_LIBS   ?= $(shell $(PKG_CONFIG) --libs libevent_core)
CARES_CFLAGS    ?= $(shell $(PKG_CONFIG) --cflags libcares)
CARES_LIBS      ?= $(shell $(PKG_CONFIG) --libs libcares) -lresolv
CMOCKA_CFLAGS   ?= $(shell $(PKG_CONFIG) --cflags cmocka)
CMOCKA_LIBS     ?= $(shell $(PKG_CONFIG) --libs cmocka)
IO_CFLAGS := $(LIBEVENT_CFLAGS) $(CARES_CFLAGS)
IO_LIBS   := $(LIBEVENT_LIBS) $(CARES_LIBS)

PROGRAMS := $(notdir $(patsubst %/,%,$(dir $(wildcard cmd/*/main.c))))
BINS     := $(PROGRAMS:%=$(BUILD)/bin/%)

.PHONY: all
all: $(BINS) $(BUILD)/lib/libqorb.a

objs = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(1)/*.c))

CORE_OBJS   := $(call objs,libcommon/core)
IO_OBJS     := $(call objs,libcommon/io)
CLIENT_OBJS := $(call objs,libcommon/client)

$(BUILD)/lib/libcore.a: $(CORE_OBJS)
$(BUILD)/lib/libio.a: $(IO_OBJS)
$(BUILD)/lib/libclient.a: $(CLIENT_OBJS)
# The installed client library: the client and the parts of the core it uses.
$(BUILD)/lib/libqorb.a: $(CLIENT_OBJS) $(CORE_OBJS)

$(BUILD)/lib/%.a:
	@mkdir -p $(@D)
	rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/obj/libcommon/core/%.o: libcommon/core/%.c
	@mkdir -p $(@D)
	$(CC) $(STD_CORE) $(WARN) $(CFLAGS) $(CPPFLAGS) $(INC) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(STD_IO) $(WARN) $(CFLAGS) $(CPPFLAGS) $(INC) $(IO_CFLAGS) \
		-MMD -MP -c -o $@ $<

LIBS := $(BUILD)/lib/libclient.a $(BUILD)/lib/libio.a $(BUILD)/lib/libcore.a

define program_rule
$(BUILD)/bin/$(1): $(call objs,cmd/$(1)) $(LIBS)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(LIBS) \
		$$(IO_LIBS) $$(LDLIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

# Unit tests: one program a module, tests/unit/test_MODULE.c.
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,\
	$(wildcard tests/unit/test_*.c))
.PHONY: unit
unit: $(UNIT_TESTS)
	@set -e; for t in $(UNIT_TESTS); do $$t; done

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIBS) $(IO_LIBS) $(CMOCKA_LIBS) \
		$(LDLIBS)

.PHONY: clean
clean:
	rm -rf $(BUILD)

-include $(shell test -d $(BUILD)/obj && find $(BUILD)/obj -name '*.d')
