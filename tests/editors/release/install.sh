#!/bin/sh
# install.sh FOLDER unpacks a real Emacs and two real Helixes below FOLDER, each with all of its
# libraries and their loader; FOLDER/bin starts them. Needs apt and a Debian mirror, never root:
# apt keeps its lists and archives in FOLDER, and nothing is installed. A second run does nothing.
set -eu

# Another mirror, or another place of its keys.
mirror=${STEADYHAND_DEBIAN:-http://deb.debian.org/debian}
key=${STEADYHAND_DEBIAN_KEY:-/usr/share/keyrings/debian-archive-keyring.gpg}
folder=$(mkdir -p "$1/bin" && cd "$1" && pwd)

# unpack NAME SUITE PACKAGE: FOLDER/NAME becomes the package's tree, with what it depends on.
unpack() {
    name=$1 suite=$2 package=$3
    [ -e "$folder/$name/unpacked" ] && return
    echo "$package from $suite"
    rm -rf "${folder:?}/$name"
    apt=$folder/$name/apt
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/parts"
    echo "deb [signed-by=$key] $mirror $suite main" >"$apt/sources.list"
    : >"$apt/status" # As if nothing were installed, so that every library comes along.
    cat >"$apt/apt.conf" <<-CONF
	Dir::State::lists "$apt/lists";
	Dir::State::status "$apt/status";
	Dir::Cache "$apt";
	Dir::Cache::archives "$apt/archives";
	Dir::Etc::sourcelist "$apt/sources.list";
	Dir::Etc::sourceparts "$apt/parts";
	APT::Sandbox::User "";
	APT::Install-Recommends "false";
	APT::Update::Post-Invoke-Success { };
	Acquire::Languages "none";
	Debug::NoLocking "true";
	CONF
    APT_CONFIG=$apt/apt.conf apt-get -qq update
    APT_CONFIG=$apt/apt.conf apt-get -qq --yes --download-only install "$package" >/dev/null
    for file in "$apt"/archives/*.deb; do
        dpkg-deb --extract "$file" "$folder/$name"
    done
    rm -rf "$apt"
    : >"$folder/$name/unpacked"
}

# Its own loader and libraries by argument, not by environment: the server that the editor starts
# is this machine's Python, and must not get them.
loader() {
    echo "\"$folder/$1/usr/lib64/ld-linux-x86-64.so.2\" --library-path \"$folder/$1/usr/lib/x86_64-linux-gnu\""
}

helix() {
    unpack "$1" "$2" hx
    cat >"$folder/bin/$1" <<-RUN
	#!/bin/sh
	export HELIX_RUNTIME="$folder/$1/usr/lib/hx/runtime"
	exec $(loader "$1") "$folder/$1/usr/lib/hx/hx" "\$@"
	RUN
    chmod +x "$folder/bin/$1"
}

unpack emacs trixie emacs-nox
share=$(echo "$folder"/emacs/usr/share/emacs/[0-9]*)
libexec=$(echo "$folder"/emacs/usr/libexec/emacs/[0-9]*/x86_64-linux-gnu)
program=$folder/emacs/usr/bin/emacs-nox
cat >"$folder/bin/emacs" <<RUN
#!/bin/sh
export EMACSLOADPATH="$share/lisp" EMACSDATA="$share/etc" EMACSDOC="$share/etc" EMACSPATH="$libexec"
exec $(loader emacs) --argv0 "$program" "$program" --dump-file "$(echo "$libexec"/*.pdmp)" "\$@"
RUN
chmod +x "$folder/bin/emacs"

# The one of Debian's stable release cannot answer a question of a server, the one to come can.
helix helix-stable trixie
helix helix-next forky

"$folder/bin/emacs" -Q --batch --eval '(princ (format "Emacs %s\n" emacs-version))'
"$folder/bin/helix-stable" --version
"$folder/bin/helix-next" --version
