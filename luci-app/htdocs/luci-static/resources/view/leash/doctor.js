'use strict';
'require view';
'require dom';
'require ui';
'require leash.api as api';
'require leash.parts as parts';

return view.extend({
	load() {
		return api.doctor().catch(e => e);
	},

	show(answer) {
		const complaints = answer instanceof Error ? [ { grave: true, says: answer.message, mend: '' } ] : answer.complaints;
		dom.content(this.list, complaints.length ? complaints.map(complaint => this.complaint(complaint)) : [ E('p', {}, [ parts.word('allow'), parts.text(' ' + _('leash sees all that it can see, and everything that it needs is there.')) ]) ]);
	},

	/* What mends it are often commands, one after the other. */
	complaint({ grave, says, mend }) {
		const copy = ev => {
			const range = document.createRange();
			range.selectNodeContents(ev.target.parentNode.querySelector('code'));
			window.getSelection().removeAllRanges();
			window.getSelection().addRange(range);
			document.execCommand('copy');
		};
		return E('div', { 'class': 'leash-finding', 'data-strength': grave ? 'strong' : 'fair' }, [
			E('p', {}, [ parts.word(grave ? 'grave' : 'weaker'), parts.text(' ' + parts.say(says)) ]),
			mend ? E('p', {}, [ parts.text(_('What mends it:') + ' '), E('code', {}, [ parts.text(mend) ]), parts.text(' '), parts.button(_('Copy'), copy, 'neutral', { 'disabled': null }) ]) : ''
		]);
	},

	render(answer) {
		this.list = E('div', { 'aria-live': 'polite' });
		this.show(answer);
		return parts.page(_('Doctor'), [
			E('p', {}, [ parts.text(_('What leash cannot see here, and what would mend it.')) ]),
			E('div', { 'class': 'cbi-section' }, [ this.list ]),
			parts.button(_('Look again'), () => this.load().then(answer => this.show(answer)), 'action', { 'disabled': null })
		]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
