/* For how long each connection is held, and to which backend. */

#pragma D option quiet

qorb*:::handle-claimed
{
	claimed[arg0] = timestamp;
}

qorb*:::handle-returned
/claimed[arg0]/
{
	printf("Held conn to %s for %d ms\n", copyinstr(arg1),
	    (timestamp - claimed[arg0]) / 1000000);
	claimed[arg0] = 0;
}
