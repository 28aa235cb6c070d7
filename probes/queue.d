/* Each second: claims that wait, and the longest wait that ended. */

#pragma D option quiet

qorb*:::claim-start
{
	asked[arg0] = timestamp;
	@waiting[copyinstr(arg1)] = sum(1);
}

qorb*:::claim-done,
qorb*:::claim-failed
/asked[arg0]/
{
	@waiting[copyinstr(arg2)] = sum(-1);
	@longest[copyinstr(arg2)] = max((timestamp - asked[arg0]) / 1000);
	asked[arg0] = 0;
}

profile:::tick-1sec
{
	printa("%s: %@d waiting\n", @waiting);
	printa("%s: %@d us was the longest wait\n", @longest);
	clear(@longest);
}
