/* Whatever fails: where, what and why. */

#pragma D option quiet

qorb*:::claim-failed
{
	printf("%s: claim failed: %s\n", copyinstr(arg2), copyinstr(arg1));
}

qorb*:::claim-acquire-failed
{
	printf("%s %s: claim acquire failed: %s\n", copyinstr(arg2), copyinstr(arg1),
	    copyinstr(arg4));
}

qorb*:::connect-failed
{
	printf("%s %s: connect failed: %s\n", copyinstr(arg2), copyinstr(arg1),
	    copyinstr(arg3));
}

qorb*:::connection-lost
{
	printf("%s %s: connection lost: %s\n", copyinstr(arg2), copyinstr(arg1),
	    copyinstr(arg3));
}

qorb*:::health-check-failed
{
	printf("%s %s: health check failed: %s\n", copyinstr(arg2), copyinstr(arg1),
	    copyinstr(arg3));
}

qorb*:::recycle-failed
{
	printf("%s %s: recycle failed: %s\n", copyinstr(arg2), copyinstr(arg1),
	    copyinstr(arg3));
}

qorb*:::resolve-failed
{
	printf("%s %s: resolve failed: %s\n", copyinstr(arg1), copyinstr(arg2),
	    copyinstr(arg3));
}

qorb*:::handle-returned
/copyinstr(arg4) != "ok"/
{
	printf("%s %s: claimed connection: %s\n", copyinstr(arg2),
	    copyinstr(arg1), copyinstr(arg4));
}
