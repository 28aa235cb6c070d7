# For tests that talk to a daemon line by line; loaded after helpers.
#
#   talk                     runs the Python script on its standard input, with
#                            everything of talk.py at hand, for 60 s at most
#   start_demo [OPTION ...]  a qorb-pool with a pool `demo` on two echo servers,
#                            warm; their addresses are $ADDR1 and $ADDR2
#
# shellcheck shell=bash

talk()
{
	PYTHONPATH=$BATS_TEST_DIRNAME PYTHONDONTWRITEBYTECODE=1 \
	    timeout 60 python3 -c "from talk import *
$(cat)"
}

start_demo()
{
	start_echo echo1 -q
	ADDR1=$ECHO_ADDR
	start_echo echo2 -q
	ADDR2=$ECHO_ADDR
	start_pool "$@" "demo=$ADDR1,$ADDR2"
	export ADDR1 ADDR2
	wait_for is_warm
}

# As many connections as it wants, all unclaimed.
is_warm()
{
	[[ $(ask 'stats') == *' unclaimed='[1-9]* &&
		$(ask 'stats') != *' connecting='[1-9]* ]]
}
