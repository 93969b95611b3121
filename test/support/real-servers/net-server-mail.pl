# A server made with Net::Server::Mail: takes mail for some mailboxes, and writes it into files.
# Arguments: the port, the directory of the mailboxes, their local parts.
use strict;
use warnings;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Net::Server::Mail::ESMTP;

my ($port, $directory, @mailboxes) = @ARGV;
my %has = map { $_ => 1 } @mailboxes;
mkdir "$directory/$_" for @mailboxes;
print "Net::Server::Mail $Net::Server::Mail::VERSION\n";

$SIG{CHLD} = 'IGNORE';
my $listener = IO::Socket::INET->new(
    Listen => 10, LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1
) or die "port $port: $@";
my $connections = 0;
while (1) {
    my $socket = $listener->accept or next;
    $connections++;
    if (fork) { close $socket; next; }
    close $listener;
    # It writes each reply by itself: without this each group would wait for the other side's delayed acknowledgement.
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    my $server = Net::Server::Mail::ESMTP->new(socket => $socket);
    $server->register("Net::Server::Mail::ESMTP::$_") for qw(PIPELINING 8BITMIME);
    $server->set_callback(RCPT => sub {
        my ($session, $address) = @_;
        my ($local, $domain) = $address =~ /^<?(.*)@(.*?)>?$/;
        return (0, 451, 'Busy') if $local eq 'busy';
        return (0, 550, 'Nobody here') unless $domain eq 'example.net' && $has{$local};
        return 1;
    });
    my $taken = 0;
    $server->set_callback(DATA => sub {
        my ($session, $text) = @_;
        return (0, 550, 'Unwanted') if $$text =~ /\AX-Refuse:|^X-Refuse:.*\r\n(?:.+\r\n)*\r\n/m;
        $taken++;
        for my $recipient ($session->get_recipients()) {
            my ($local) = $recipient =~ /^<?(.*)@/;
            open my $file, '>:raw', "$directory/$local/$connections-$taken" or return (0, 451, "$!");
            print $file $$text;
            close $file or return (0, 451, "$!");
        }
        return (1, 250, 'Taken');
    });
    $server->process();
    exit;
}
