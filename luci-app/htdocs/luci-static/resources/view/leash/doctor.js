'use strict';
'require view';
'require dom';
'require leash.api as api';
'require leash.widgets as widgets';
'require leash.words as words';

/* Selects and copies what mends a complaint. A page that came over plain HTTP has no navigator.clipboard. */
function copy(ev) {
	const range = document.createRange();
	range.selectNodeContents(ev.target.parentNode.querySelector('code'));
	window.getSelection().removeAllRanges();
	window.getSelection().addRange(range);
	document.execCommand('copy');
}

/* Returns a complaint. What mends it is often a command or several. */
function complaintNode({ grave, says, mend }) {
	return E('div', { 'class': 'leash-finding', 'data-strength': grave ? 'strong' : 'fair' }, [
		E('p', {}, [ widgets.badge(grave ? 'error' : 'warning'), ' ', words.sentence(says) ]),
		mend ? E('p', {}, [
			_('What mends it:'), ' ', E('code', {}, [ mend ]), ' ',
			widgets.button(_('Copy'), copy, 'neutral', { 'disabled': null })
		]) : ''
	]);
}

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	load() {
		return api.doctor().catch(error => error);
	},

	show(answer) {
		const failed = answer instanceof Error;
		const complaints = failed ? [ { grave: true, says: answer.message, mend: '' } ] : answer.complaints;
		const well = () => E('p', {}, [
			widgets.badge('allow'), ' ', _('leash sees all that it can see, and everything that it needs is there.')
		]);
		dom.content(this.list, [ ...complaints.length ? complaints.map(complaintNode) : [ well() ] ]);
	},

	render(answer) {
		this.list = E('div', { 'aria-live': 'polite' }, []);
		this.show(answer);
		const again = () => this.load().then(answer => this.show(answer));
		return widgets.page(_('Doctor'), [
			E('div', { 'class': 'cbi-map-descr' }, [ _('What leash cannot see here, and what would mend it.') ]),
			E('div', { 'class': 'cbi-section' }, [ this.list ]),
			widgets.button(_('Look again'), again, 'action', { 'disabled': null })
		]);
	}
});
