/* Each second: claims that wait, and the longest wait that ended. */

#pragma D option quiet

int64_t first;

qorb*:::claim-start
/!first/
{
	first = arg0;
}

qorb*:::claim-start
{
	@waiting[copyinstr(arg1)] = sum(1);
	asked[arg0] = timestamp;
}

/*
 * Claims are numbered as they come: a lower number than the first began before.
 * What tells those apart must not be asked, which has no room for all of them
 * when very many wait.
 */
qorb*:::claim-done,
qorb*:::claim-failed
/first && arg0 >= first/
{
	@waiting[copyinstr(arg2)] = sum(-1);
}

qorb*:::claim-done,
qorb*:::claim-failed
/asked[arg0]/
{
	@longest[copyinstr(arg2)] = max((timestamp - asked[arg0]) / 1000);
	asked[arg0] = 0;
}

profile:::tick-1sec
{
	printa("%s: %@d waiting\n", @waiting);
	printa("%s: %@d us was the longest wait\n", @longest);
	clear(@longest);
}
